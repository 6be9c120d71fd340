-- Three tables hold the city: entity (now), history (then) and log (what was done, by whom).
create table if not exists entity (
    row      integer primary key,          -- order of creation, the order of answers
    tenant   text not null,
    kind     text not null,                -- context, subscription, registration, document, private
    id       text not null,
    version  integer not null,
    body     text not null,                -- JSON
    unique (tenant, kind, id)
);

create index if not exists entity_of on entity (tenant, kind);  -- ends in row: in that order
create index if not exists entity_beside on entity (kind) where kind <> 'context';

create table if not exists history (
    series    integer not null,
    at        integer not null,             -- observedAt, else createdAt; microseconds since 1970
    instance  integer not null,             -- the number in its instanceId
    observed  integer not null,             -- whether `at` is observedAt
    recorded  integer not null,             -- createdAt - at
    modified  integer,                      -- modifiedAt, where it was corrected
    deleted   integer,                      -- deletedAt, where the attribute ended
    number    real,                         -- the value, where it is a plain number
    json      text,                         -- what else there is to say of it
    primary key (series, at, instance)
) without rowid;

create table if not exists log (
    row     integer primary key,           -- index of the leaf, from 1
    salt    blob not null,                 -- empty once the record is erased
    record  text,                          -- null then; commitment and every proof stay
    commitment blob not null
);
create index if not exists log_at on log (substr(json_extract(record, '$.at'), 1, 19));
create index if not exists log_by on log (json_extract(record, '$.by'));
create index if not exists log_subject on log (json_extract(record, '$.subject'));
create index if not exists log_verb on log (json_extract(record, '$.verb'));
create index if not exists log_purpose on log (json_extract(record, '$.purpose'));
create index if not exists log_room on log (json_extract(record, '$.room'));
create index if not exists log_case on log (json_extract(record, '$.case'));

-- Bookkeeping of the store itself.
create table if not exists series (        -- one attribute and dataset of one entity
    id integer primary key autoincrement,  -- never given twice: files know them
    tenant text not null, entity text not null, attribute text not null,
    dataset text not null,                 -- '' is the default one
    type text not null,
    rolled integer not null default 0,     -- hours before this one are rolled up
    unique (tenant, entity, attribute, dataset, type)
);
create table if not exists rollup (        -- of one hour, counted from the year 1
    series integer not null, hour integer not null, instances integer not null,
    numbers integer not null, total real not null, squares real not null,
    least real, greatest real,
    primary key (series, hour)
) without rowid;
create table if not exists dirty (         -- rolled up, but changed since
    series integer not null, hour integer not null,
    primary key (series, hour)
) without rowid;
create table if not exists kept_day (day integer primary key);  -- has rows in history
create table if not exists log_count (     -- entries there ever were
    month text not null, purpose text not null, verb text not null, number integer not null,
    primary key (month, purpose, verb)
) without rowid;
create table if not exists sealed (        -- files with the rows of one day and some series
    file text primary key, tenant text not null,
    day integer not null,                  -- counted from the year 1
    first integer not null, last integer not null,  -- series, of all in it
    types text not null,                   -- JSON
    recorded integer not null              -- the latest createdAt
) without rowid;
create index if not exists sealed_day on sealed (day);
create table if not exists erased (        -- rows in files that are gone for readers already
    series integer not null, at integer not null,
    instance integer not null,             -- 0: whatever was observed at that time
    primary key (series, at, instance)
) without rowid;
create table if not exists stray (         -- files that are being made, or replaced
    file text primary key, since integer not null  -- microseconds since 1970
) without rowid;
create table if not exists dropped (series integer primary key);  -- gone, also from files soon
create table if not exists entity_type (
    tenant text not null, type text not null, row integer not null,
    primary key (tenant, type, row)
) without rowid;
create index if not exists entity_type_row on entity_type (row);
create table if not exists entity_scope (  -- '' for an entity without scope
    tenant text not null, scope text not null, row integer not null,
    primary key (tenant, scope, row)
) without rowid;
create index if not exists entity_scope_row on entity_scope (row);
create table if not exists queried (       -- paths that have index rows (queried.py)
    id integer primary key, path text not null unique,
    upto integer                           -- the last row that has them; null when all have
);
create table if not exists attribute_value (  -- index rows (values.py)
    path integer not null, tenant text not null, kind integer not null, number real not null,
    text text not null, row integer not null,
    alone integer not null,                -- it may be less or more, not only equal
    primary key (path, tenant, kind, number, text, row)
) without rowid;
create index if not exists attribute_value_row on attribute_value (row, path, alone);
create table if not exists ending (        -- when a row or the first of its attributes ends
    row integer primary key, at integer not null
);
create index if not exists ending_at on ending (at);
create virtual table if not exists place using rtree(row, west, east, south, north);
create table if not exists tenant (name text primary key) without rowid;  -- but the default one
create table if not exists census (        -- how many entities there are of what (census.py)
    tenant text not null, types text not null, marks text not null,
    attribute text not null, kind text not null, number integer not null,
    primary key (tenant, types, marks, attribute, kind)
) without rowid;
create table if not exists outbox (
    seq integer primary key autoincrement, tenant text not null, id text not null,
    at integer not null, live integer not null, body text not null
);
create table if not exists reader (name text primary key, seq integer not null) without rowid;
create table if not exists mark (name text primary key, value integer not null) without rowid;
create table if not exists applied (
    tenant text not null, key text not null, at integer not null, answer text not null,
    primary key (tenant, key)
) without rowid;
