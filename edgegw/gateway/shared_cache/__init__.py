"""A cache in Redis, which several gateways share: its entries, and what is cleared of it.

Three kinds of keys, all of them beginning with `edgegw:cache:`:

    entry:SHA-256 of a cache key    a hash: `entry` (JSON), `mark`, `hits`, and `body`, or `long`,
                                    which names a body of its own
    body:ID                         a hash with the parts of a long body, 0, 1, 2 …
    clearings                       a hash: `epoch`, `number`, what was cleared by number, and by
                                    behavior what its answers come from (`behavior_digests`)

**Clearings are numbered**, and an entry is marked with the last number that was known when its
origin was asked. Whoever reads an entry holds it against what was cleared since: so an answer that
was on its way during an invalidation, at whatever gateway, is never shown after it, and no clocks
are compared. Each look-up brings the present number along, and what a gateway does not know yet is
fetched before anything is judged. The entries that go are removed as well, but only to make room.

An `epoch` names one life of the numbers. Where Redis has lost them (it was emptied, or needed the
room) another one begins, and entries of the old one are as good as absent. The same holds for
those that are older than the last `CLEARINGS_KEPT`.

Entries outlive the gateway that made them. So one that begins, or reloads, holds what its behaviors
are against what is written there, before its first look-up, and clears those that differ.

Time bounds everything (keys expire with what they are good for), and so does Redis by its own
`maxmemory`: what is evicted was never there.

**Redis may be gone.** The first request that notices says so in the log; from then on none asks,
all are misses, until a background task reaches Redis again (`connection`). What a reload has to
clear meanwhile is cleared first.

The clients of the package `redis` are imported by the first gateway that has such a store.
"""
