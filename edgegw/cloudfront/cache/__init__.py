"""The cache of a distribution: what it decides, without a store, a clock or a socket.

    settings ── how a behavior keeps            freshness ── for how long, and which rule won
    key ─────── what answers are told apart by  storable ─── whether, and what of an answer
    entry ───── what a store keeps of one       serving ──── what a viewer gets of that
    decision ── hit, miss, revalidate, …        outcome ──── what the origin's answer makes of it

Beside them: `invalidation`, `traps` (with `deeds`, `edge_looks`, `source_traps`), `key_gaps` (what
a key lacks; `key_fixes`), `explanation`, `key_reading`, `policy_rules` and `legacy` (what AWS
refuses), as well as `verdict` and `result_details` (the words for X-Cache and the log).

How a request uses it. A flow makes the key behind viewer-request and the default root object, so
that every alias and every spelling that a function mends share an answer:

    bypass(…)                    methods that are not cached, caching off: no key is made at all
    recipe.key, lookups          the keys to look under; the first entry there counts
    decide(…, now)               what becomes of the request
    after(…, reply, now)         what becomes of the origin's answer, behind origin-response
    after_waiting(…)             what becomes of a request that waited for another's answer
    answer.response(body)        the response; Via, Age, X-Cache and the response headers policy
                                 come on top, and viewer-response runs, for a hit as for a miss

So origin-request and origin-response run for Miss and Revalidate alone, the latter for a 304 too,
and what is stored is what origin-response left.

What a store is asked for. `get` the first of some keys, at once where it can; `put` an entry and
its body as that comes in, which others read while it is written; `touch` an entry whose body stays
(a 304, an origin that failed); `remove` keys; `invalidate`; go through its entries. Only a body
that came in whole (`is_whole`) is left there, else its readers break off as the viewer does. A body
belongs to its store (`StoredBody`): bytes, a file, or still coming in. What goes from a store while
it is read stays readable to who reads it.

What happens at once. Requests that ask the origin for one key are one flight: the first of them
goes, the others wait until the head of the answer tells whether it is kept, then read along. The
flight belongs to nobody's connection: its first viewer may leave while others read. If the last one
leaves it is broken off, and nothing is stored. An invalidation meets flights too: one that it names
neither stores what it brings nor leans on what was stale, else it would bring back what was sent
away. What is stale and revalidated behind a viewer's back is a flight without a viewer.

An error goes through the custom error responses once, when it comes from the origin; what is stored
under the URL that failed is the page (`entry_of` with `origin_status`), and a hit of it is not
looked at again.
"""
