-- Which orders changed since a transaction: every change of one writes its xid. BRIN, since a b-tree on what each update changes would
-- end HOT updates and need two entries per payment; this leaves them HOT. xid8 has no operators for BRIN, so the number is indexed.
-- Eight pages are some 250 orders: a payment of an old order makes no more than those worth a look.
create index if not exists orders_xid on orders using brin ((xid::text::bigint)) with (pages_per_range = 8, autosummarize = on);
