-- Applied after the migrations, every time: makes request_logs a table partitioned by day, which the generated migrations
-- cannot say, with the key and indexes that they gave it. What finds no partition of its day goes into the default one.
do $$
declare
  key_name text;
  key_definition text;
  index_definitions text[];
  definition text;
begin
  if (select relkind from pg_class where oid = 'request_logs'::regclass) = 'p' then
    return;
  end if;
  select conname, pg_get_constraintdef(oid) into strict key_name, key_definition
    from pg_constraint where conrelid = 'request_logs'::regclass and contype = 'p';
  select coalesce(array_agg(pg_get_indexdef(indexrelid)), '{}') into index_definitions
    from pg_index where indrelid = 'request_logs'::regclass and not indisprimary;

  create table request_logs_by_day (like request_logs including defaults including constraints) partition by range (at);
  create table request_logs_default partition of request_logs_by_day default;
  insert into request_logs_by_day select * from request_logs;
  drop table request_logs;
  alter table request_logs_by_day rename to request_logs;

  execute format('alter table request_logs add constraint %I %s', key_name, key_definition);
  foreach definition in array index_definitions loop
    execute definition;
  end loop;
end $$;
