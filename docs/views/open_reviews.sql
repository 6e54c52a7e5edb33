-- Tables: businesses, reviews.
-- One row for each review without a reply that is still on its platform.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW open_reviews AS
WITH clock AS (
    SELECT now() AT TIME ZONE 'UTC' AS at
)
SELECT
    r.id AS review_id,
    r.business_id AS store_id,
    b.code AS store_code,
    b.name AS store_name,
    r.partner,
    r.date AS written_at,
    r.rating,
    r.recommended,
    CASE
        WHEN r.rating >= 4 OR r.recommended THEN 'satisfied'
        WHEN r.rating = 3 THEN 'neutral'
        WHEN r.rating <= 2 OR NOT r.recommended THEN 'dissatisfied'
    END AS sentiment,
    r.state,
    CASE
        WHEN r.date > clock.at - interval '48 hours' THEN '1: under 48 hours'
        WHEN r.date > clock.at - interval '7 days' THEN '2: 48 hours to 7 days'
        WHEN r.date > clock.at - interval '30 days' THEN '3: 7 to 30 days'
        WHEN r.date > clock.at - interval '90 days' THEN '4: 30 to 90 days'
        WHEN r.date IS NOT NULL THEN '5: over 90 days'
    END AS age_class
FROM reviews AS r
CROSS JOIN clock
LEFT JOIN businesses AS b
    ON b.id = r.business_id AND to_jsonb(b) ->> '_sdc_deleted_at' IS NULL
WHERE r.state IS DISTINCT FROM 'deleted'
    AND NOT EXISTS (
        SELECT
        FROM unnest(r.comments) AS comment (object)
        WHERE jsonb_typeof(comment.object) = 'object'
    )
    -- Rows that a loader marked as deleted have this column; some tables have no such rows.
    AND to_jsonb(r) ->> '_sdc_deleted_at' IS NULL;
