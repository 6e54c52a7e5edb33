-- Tables: reviews.
-- One row for each review, including those that were deleted from their platform.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW review_facts AS
SELECT
    r.id AS review_id,
    r.business_id AS store_id,
    r.partner,
    r.date AS written_at,
    r.update_date AS updated_at,
    r.rating,
    r.recommended,
    CASE
        WHEN r.rating >= 4 OR r.recommended THEN 'satisfied'
        WHEN r.rating = 3 THEN 'neutral'
        WHEN r.rating <= 2 OR NOT r.recommended THEN 'dissatisfied'
    END AS sentiment,
    r.state,
    reply.replies,
    reply.first_at AS first_reply_at,
    floor(extract(epoch FROM reply.first_at - r.date) / 60)::bigint
        AS minutes_to_first_reply,
    coalesce(reply.first_at < r.date + interval '48 hours', FALSE)
        AS answered_within_48h,
    coalesce(r.update_date > reply.first_at, FALSE) AS edited_after_reply,
    r.state IS NOT DISTINCT FROM 'deleted' AS is_deleted,
    r.delete_date AS deleted_at
FROM reviews AS r
CROSS JOIN LATERAL (
    -- A reply that was written on the platform comes to Partoo later, and an edit on
    -- the platform moves its date: the earlier of both is when it was given.
    SELECT
        count(*) AS replies,
        min(least(
            (comment.object ->> 'date')::timestamptz AT TIME ZONE 'UTC',
            (comment.object ->> 'created')::timestamptz AT TIME ZONE 'UTC'
        )) AS first_at
    FROM unnest(r.comments) AS comment (object)
    WHERE jsonb_typeof(comment.object) = 'object'
) AS reply
-- Only tables in which a loader has marked deleted rows have this column.
WHERE to_jsonb(r) ->> '_sdc_deleted_at' IS NULL;
