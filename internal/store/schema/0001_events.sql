create table vitrine_event (
    n       bigint primary key,
    demand  text not null,
    seq     bigint not null,
    subject {{.Bytes}},
    body    {{.Bytes}} not null,
    prev    {{.Bytes}} not null,
    hash    {{.Bytes}} not null,
    unique (demand, seq)
);
create index vitrine_event_subject on vitrine_event (subject) where subject is not null;
create table vitrine_head (
    one  bigint primary key check (one = 1),
    n    bigint not null,
    hash {{.Bytes}} not null
);
