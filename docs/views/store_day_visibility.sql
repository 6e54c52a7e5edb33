-- Tables: presence_metrics.
-- One row for each store and day with figures from Google. Sums leave out figures that
-- Google did not report; if it reported none, the sum is null.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW store_day_visibility AS
WITH clock AS (
    SELECT now() AT TIME ZONE 'UTC' AS at
)
SELECT
    m.business_id AS store_id,
    m.date AS day,
    total.impressions_search,
    total.impressions_maps,
    total.impressions,
    m.business_direction_requests AS direction_requests,
    m.call_clicks,
    m.website_clicks,
    total.actions,
    round(total.actions::numeric / nullif(total.impressions, 0), 4) AS action_rate,
    -- Google still corrects the last 5 days before today.
    m.date < clock.at::date - 5 AS is_settled
FROM presence_metrics AS m
CROSS JOIN clock
CROSS JOIN LATERAL (
    SELECT
        sum(figure) FILTER (WHERE kind = 'search')::bigint AS impressions_search,
        sum(figure) FILTER (WHERE kind = 'maps')::bigint AS impressions_maps,
        sum(figure) FILTER (WHERE kind <> 'action')::bigint AS impressions,
        sum(figure) FILTER (WHERE kind = 'action')::bigint AS actions
    FROM (
        VALUES
        ('search', m.business_impressions_desktop_search),
        ('search', m.business_impressions_mobile_search),
        ('maps', m.business_impressions_desktop_maps),
        ('maps', m.business_impressions_mobile_maps),
        ('action', m.business_direction_requests),
        ('action', m.call_clicks),
        ('action', m.website_clicks)
    ) AS metric (kind, figure)
) AS total
-- Only tables in which a loader has marked deleted rows have this column.
WHERE to_jsonb(m) ->> '_sdc_deleted_at' IS NULL;
