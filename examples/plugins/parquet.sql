-- Queries over the folder that the plugin `parquet` writes, for DuckDB: duckdb -c ".read parquet.sql" in that folder.
-- Athena, QuickSight and Power BI read the same files; `day` is the partition.

-- Failing findings by day and severity. Unknown ones are counted beside them: they are not fixed.
SELECT day, severity, count(*) FILTER (verdict = 'fail') AS failing, count(*) FILTER (verdict = 'unknown') AS unknown
FROM read_parquet('findings/*/*.parquet', hive_partitioning = true)
GROUP BY ALL ORDER BY ALL;

-- The mode of each load balancer in the newest run; what could not be read is `unknown`, not missing.
SELECT coalesce(mode, mode_state) AS mode, count(*) AS load_balancers
FROM read_parquet('load_balancers/*/*.parquet', hive_partitioning = true)
WHERE started = (SELECT max(started) FROM read_parquet('runs/*/*.parquet'))
GROUP BY ALL ORDER BY ALL;

-- How much of the organization each run read: the denominator of everything above.
SELECT day, run, complete, account_regions - skipped AS in_scope, unseen_load_balancers
FROM read_parquet('runs/*/*.parquet', hive_partitioning = true)
ORDER BY day, run;

-- Account-Regions that were not read completely, with the reasons.
SELECT day, account, region, status, reasons
FROM read_parquet('coverage/*/*.parquet', hive_partitioning = true)
WHERE status IN ('partial', 'failed') ORDER BY ALL;
