-- Tables: search_keywords.
-- One row for each store, month and search term. Google hides small numbers: such a term
-- has no count, but a lower bound of 1 and an upper bound below the threshold.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW store_month_keywords AS
SELECT
    k.business_id AS store_id,
    k.date AS month,
    k.keyword,
    k.count AS people,
    k.count IS NULL AND k.threshold IS NOT NULL AS is_below_threshold,
    coalesce(k.count::text, '< ' || k.threshold) AS people_shown,
    coalesce(k.count, CASE WHEN k.threshold IS NOT NULL THEN 1 END) AS people_at_least,
    coalesce(k.count, k.threshold - 1) AS people_at_most
FROM search_keywords AS k
-- Only tables in which a loader has marked deleted rows have this column.
WHERE to_jsonb(k) ->> '_sdc_deleted_at' IS NULL;
