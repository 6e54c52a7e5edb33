-- Tables: businesses, presence_metrics, reviews.
-- One row for each store and product of Partoo: what is missing, and why. For Review
-- Booster and Messages, only the subscription is checked.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW store_coverage AS
WITH loaded AS (
    SELECT
        'review_management' AS product,
        r.business_id,
        count(*) AS rows,
        max(r.date)::date AS last_day
    FROM reviews AS r
    -- Rows that a loader marked as deleted have this column; some tables have no such rows.
    WHERE to_jsonb(r) ->> '_sdc_deleted_at' IS NULL
    GROUP BY r.business_id
    UNION ALL
    SELECT 'presence_management', m.business_id, count(*), max(m.date)
    FROM presence_metrics AS m
    WHERE to_jsonb(m) ->> '_sdc_deleted_at' IS NULL
    GROUP BY m.business_id
),
coverage AS (
    SELECT
        b.id AS store_id,
        b.code AS store_code,
        b.name AS store_name,
        -- Partoo has two spellings of it.
        CASE b.status
            WHEN 'closed_temporarily' THEN 'temporarily_closed'
            ELSE b.status
        END AS status,
        product.name AS product,
        (b.subscriptions #>> ARRAY[product.name, 'active'])::boolean AS is_subscribed,
        coalesce(b.google_location_id, '') <> '' AS is_linked_to_google,
        CASE WHEN product.has_rows THEN coalesce(loaded.rows, 0) END AS rows,
        loaded.last_day
    FROM businesses AS b
    CROSS JOIN (
        VALUES
        ('presence_management', TRUE),
        ('review_management', TRUE),
        ('review_booster', FALSE),
        ('messages', FALSE)
    ) AS product (name, has_rows)
    LEFT JOIN loaded
        ON loaded.business_id = b.id AND loaded.product = product.name
    WHERE to_jsonb(b) ->> '_sdc_deleted_at' IS NULL
)
SELECT
    c.*,
    gap.missing,
    gap.why
FROM coverage AS c
LEFT JOIN LATERAL (
    SELECT missing, why
    FROM (
        VALUES
        (
            1,
            c.is_subscribed IS NULL,
            'subscription',
            'Partoo does not report whether the store has the product.'
        ),
        (
            2,
            NOT c.is_subscribed AND c.rows > 0,
            'subscription',
            'The store does not have the product: the rows are from when it did.'
        ),
        (
            3,
            NOT c.is_subscribed,
            'subscription',
            'The store does not have the product.'
        ),
        (
            4,
            NOT c.is_linked_to_google AND c.product = 'presence_management'
                AND c.rows > 0,
            'link to Google',
            'The store is not linked to Google: the rows are from when it was.'
        ),
        (
            5,
            NOT c.is_linked_to_google AND c.product = 'presence_management',
            'link to Google',
            'All figures come from Google, and the store is not linked to it.'
        ),
        (
            6,
            NOT c.is_linked_to_google AND c.product = 'review_management',
            'link to Google',
            'Reviews from Google are missing: the store is not linked to it.'
        ),
        (
            7,
            c.rows = 0 AND c.product = 'presence_management',
            'rows',
            'Google sent no figures: newly linked, or not verified on Google.'
        ),
        (
            8,
            c.rows = 0,
            'rows',
            'Nobody has reviewed the store, or it was connected recently.'
        )
    ) AS cause (place, holds, missing, why)
    WHERE holds
    ORDER BY place
    LIMIT 1
) AS gap ON TRUE;
