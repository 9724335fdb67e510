create table vitrine_piece (
    demand  text not null,
    number  bigint not null,
    mandate text not null,
    digest  text not null,
    primary key (demand, number)
);
