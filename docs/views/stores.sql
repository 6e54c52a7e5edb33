-- Tables: businesses, groups.
-- One row for each store, of any status.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW stores AS
SELECT
    b.id AS store_id,
    b.code AS store_code,
    b.name AS store_name,
    -- Partoo has two spellings of it.
    CASE b.status
        WHEN 'closed_temporarily' THEN 'temporarily_closed'
        ELSE b.status
    END AS status,
    b.opening_date,
    b.org_id,
    b.groups AS group_ids,
    coalesce(grouped.names, '{}') AS group_names,
    b.region,
    b.country,
    b.city,
    b.zipcode,
    b.address_full AS address,
    (b.subscriptions #>> '{presence_management,active}')::boolean
        AS presence_management,
    (b.subscriptions #>> '{review_management,active}')::boolean AS review_management,
    (b.subscriptions #>> '{review_booster,active}')::boolean AS review_booster,
    (b.subscriptions #>> '{messages,active}')::boolean AS messages,
    b.google_location_id,
    b.facebook_page_id,
    b.national_identification_number,
    b.completion_rate,
    b.created AS created_at,
    b.modified AS modified_at
FROM businesses AS b
CROSS JOIN LATERAL (
    -- A group that cannot be read still has a number.
    SELECT array_agg(coalesce(g.name, member.id::text) ORDER BY member.place) AS names
    FROM unnest(b.groups) WITH ORDINALITY AS member (id, place)
    LEFT JOIN groups AS g
        ON g.id = member.id AND to_jsonb(g) ->> '_sdc_deleted_at' IS NULL
    WHERE member.id IS NOT NULL
) AS grouped
-- Only tables in which a loader has marked deleted rows have this column.
WHERE to_jsonb(b) ->> '_sdc_deleted_at' IS NULL;
