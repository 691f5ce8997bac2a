"""KeyValueStores that change: what they hold, what may be done to them, how their API speaks.

state           a store at one moment, and what becomes of it by puts and deletes
store_refusals  why the API refuses, by its names
data_api        the KeyValueStore API (JSON): what calls say, what they are answered

Numbers and the import file are in `edge_functions/key_values`, the operations on stores themselves
in `api/key_value_stores`. Where stores are kept is the gateway's affair.
"""
