create table vitrine_fact (
    n        bigint primary key,
    id       text not null unique,
    class    text not null,
    period   bigint not null,
    sheet    text not null,
    type     text not null,
    demand   text not null,
    account  text not null,
    leaf     {{.Bytes}} not null,
    sealed   {{.Bytes}} not null,
    received bigint not null,
    due      bigint not null,
    place    bigint
);
create index vitrine_fact_waiting on vitrine_fact (class, sheet, n) where place is null;
create index vitrine_fact_demand on vitrine_fact (demand);
