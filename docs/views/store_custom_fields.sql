-- Tables: businesses.
-- One row for each custom field of a store, with or without a value. Texts have no JSON
-- quotes; lists stay JSON.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW store_custom_fields AS
SELECT
    b.id AS store_id,
    b.code AS store_code,
    b.name AS store_name,
    (field.object ->> 'id')::bigint AS field_id,
    field.object ->> 'name' AS field,
    field.object ->> 'type' AS type,
    (field.object ->> 'order')::bigint AS position,
    CASE
        WHEN field.object ->> 'value' LIKE '"%'
            THEN (field.object ->> 'value')::jsonb #>> '{}'
        ELSE field.object ->> 'value'
    END AS value
FROM businesses AS b
CROSS JOIN LATERAL unnest(b.custom_fields) AS field (object)
-- Only tables in which a loader has marked deleted rows have this column.
WHERE to_jsonb(b) ->> '_sdc_deleted_at' IS NULL
    AND jsonb_typeof(field.object) = 'object';
