-- Tables: businesses, reviews.
-- One row for each store and month (UTC) with reviews. Reviews that were deleted from
-- their platform do not count.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW store_month_reputation AS
WITH review AS (
    SELECT
        r.business_id,
        date_trunc('month', r.date)::date AS month,
        r.rating,
        CASE
            WHEN r.rating >= 4 OR r.recommended THEN 'satisfied'
            WHEN r.rating = 3 THEN 'neutral'
            WHEN r.rating <= 2 OR NOT r.recommended THEN 'dissatisfied'
        END AS sentiment,
        reply.replies > 0 AS is_answered,
        coalesce(reply.first_at < r.date + interval '48 hours', FALSE) AS is_fast
    FROM reviews AS r
    CROSS JOIN LATERAL (
        -- As in review_facts.
        SELECT
            count(*) AS replies,
            min(least(
                (comment.object ->> 'date')::timestamptz AT TIME ZONE 'UTC',
                (comment.object ->> 'created')::timestamptz AT TIME ZONE 'UTC'
            )) AS first_at
        FROM unnest(r.comments) AS comment (object)
        WHERE jsonb_typeof(comment.object) = 'object'
    ) AS reply
    WHERE r.business_id IS NOT NULL
        AND r.date IS NOT NULL
        AND r.state IS DISTINCT FROM 'deleted'
        -- Rows that a loader marked as deleted have this column; some tables have no such rows.
        AND to_jsonb(r) ->> '_sdc_deleted_at' IS NULL
),
store_month AS (
    SELECT
        business_id,
        month,
        count(*) AS reviews,
        round(avg(rating), 2) AS average_rating,
        count(*) FILTER (WHERE rating = 0) AS ratings_0,
        count(*) FILTER (WHERE rating = 1) AS ratings_1,
        count(*) FILTER (WHERE rating = 2) AS ratings_2,
        count(*) FILTER (WHERE rating = 3) AS ratings_3,
        count(*) FILTER (WHERE rating = 4) AS ratings_4,
        count(*) FILTER (WHERE rating = 5) AS ratings_5,
        count(*) FILTER (WHERE sentiment = 'satisfied') AS satisfied,
        count(*) FILTER (WHERE sentiment = 'neutral') AS neutral,
        count(*) FILTER (WHERE sentiment = 'dissatisfied') AS dissatisfied,
        count(*) FILTER (WHERE is_answered) AS answered,
        round(avg(is_answered::integer), 4) AS response_rate,
        count(*) FILTER (WHERE is_fast) AS answered_within_48h,
        round(avg(is_fast::integer), 4) AS share_within_48h
    FROM review
    GROUP BY business_id, month
)
SELECT
    s.business_id AS store_id,
    b.code AS store_code,
    b.name AS store_name,
    s.month,
    s.reviews,
    s.average_rating,
    s.ratings_0,
    s.ratings_1,
    s.ratings_2,
    s.ratings_3,
    s.ratings_4,
    s.ratings_5,
    s.satisfied,
    s.neutral,
    s.dissatisfied,
    s.answered,
    s.response_rate,
    s.answered_within_48h,
    s.share_within_48h
FROM store_month AS s
-- Reviews of a deleted store stay, without the name of the store.
LEFT JOIN businesses AS b
    ON b.id = s.business_id AND to_jsonb(b) ->> '_sdc_deleted_at' IS NULL;
