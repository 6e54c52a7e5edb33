-- Tables: businesses, publisher_states.
-- One row for each store: the publishers that do not show its current data, and which
-- data are missing.
SET search_path TO partoo;  -- the schema of the tables, and of the view

CREATE OR REPLACE VIEW listing_health AS
SELECT
    b.id AS store_id,
    b.code AS store_code,
    b.name AS store_name,
    -- Partoo has two spellings of it.
    CASE b.status
        WHEN 'closed_temporarily' THEN 'temporarily_closed'
        ELSE b.status
    END AS status,
    publisher.publishers,
    publisher.in_sync,
    publisher.not_in_sync,
    lacking.missing_fields,
    b.completion_rate
FROM businesses AS b
CROSS JOIN LATERAL (
    SELECT
        count(*) AS publishers,
        count(*) FILTER (WHERE p.state = 'success') AS in_sync,
        coalesce(
            array_agg(
                p.publisher || ': ' || coalesce(p.state, 'unknown')
                    || coalesce(' (' || p.error_type || ')', '')
                ORDER BY p.publisher
            ) FILTER (WHERE p.state IS DISTINCT FROM 'success'),
            '{}'
        ) AS not_in_sync
    FROM publisher_states AS p
    WHERE p.business_id = b.id AND to_jsonb(p) ->> '_sdc_deleted_at' IS NULL
) AS publisher
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(field.name ORDER BY field.name), '{}') AS missing_fields
    FROM (
        VALUES
        ('address', b.address),
        ('category', array_to_string(b.categories, '')),
        ('city', b.city),
        ('country', b.country),
        ('description_long', b.description_long),
        ('description_short', b.description_short),
        ('latitude', b.lat::text),
        ('logo', b.logo_url),
        ('longitude', b.long::text),
        ('main photo', b.photos ->> 'primary'),
        ('name', b.name),
        ('opening hours', (
            SELECT string_agg(day.hours ->> 0, '')
            FROM jsonb_each(
                CASE WHEN jsonb_typeof(b.open_hours) = 'object' THEN b.open_hours END
            ) AS day (name, hours)
        )),
        ('website', b.website_url),
        ('zipcode', b.zipcode)
    ) AS field (name, value)
    WHERE trim(coalesce(field.value, '')) = ''
) AS lacking
-- Only tables in which a loader has marked deleted rows have this column.
WHERE to_jsonb(b) ->> '_sdc_deleted_at' IS NULL;
