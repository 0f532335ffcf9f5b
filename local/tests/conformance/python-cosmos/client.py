"""What an application does with Microsoft's SDK for Python over TLS; written for version 3, which Debian packages.

Arguments: endpoint, key, file of the certificate authority. Prints one JSON line for each case: {"case", "error"}; the error
is null where all went well. Ends with code 3 where the SDK is not installed, or is of another version.
"""

import json
import sys
import traceback

try:
    import azure.cosmos.cosmos_client as cosmos
    from azure.cosmos import documents, errors
    documents.SSLConfiguration  # version 4 has none
except (ImportError, AttributeError) as missing:
    print(missing, file=sys.stderr)
    sys.exit(3)

if len(sys.argv) == 1:
    sys.exit(0)

ENDPOINT, KEY, AUTHORITY = sys.argv[1:]
DATABASE = "dbs/python"
ITEMS = DATABASE + "/colls/items"
ALL = {"enableCrossPartitionQuery": True}


def connect():
    policy = documents.ConnectionPolicy()
    policy.EnableEndpointDiscovery = False
    policy.SSLConfiguration = documents.SSLConfiguration()
    policy.SSLConfiguration.SSLCaCerts = AUTHORITY
    return cosmos.CosmosClient(ENDPOINT, {"masterKey": KEY}, policy)


client = connect()


def equal(expected, found):
    if expected != found:
        raise AssertionError("expected %r, found %r" % (expected, found))


def fails(status, call, *args):
    try:
        call(*args)
    except errors.HTTPFailure as failure:
        equal(status, failure.status_code)
        return
    raise AssertionError("expected %d" % status)


def item(name, pk, n):
    return {"id": name, "pk": pk, "n": n, "third": n % 3}


def rows(text, options=None):
    return list(client.QueryItems(ITEMS, text, dict(options or ALL)))


def link(name):
    return ITEMS + "/docs/" + name


def containers():
    client.CreateDatabase({"id": "python"})
    client.CreateContainer(DATABASE, {"id": "items", "partitionKey": {"paths": ["/pk"], "kind": "Hash"}})
    equal(["/pk"], client.ReadContainer(ITEMS)["partitionKey"]["paths"])
    equal(["items"], [each["id"] for each in client.ReadContainers(DATABASE)])


def crud():
    key = {"partitionKey": "p"}
    created = client.CreateItem(ITEMS, item("a", "p", 1))
    equal(created["_etag"], client.ReadItem(link("a"), key)["_etag"])
    equal(2, client.ReplaceItem(link("a"), item("a", "p", 2), key)["n"])
    equal(3, client.UpsertItem(ITEMS, item("a", "p", 3))["n"])
    client.DeleteItem(link("a"), key)


def failures():
    key = {"partitionKey": "p"}
    fails(404, client.ReadItem, link("nobody"), key)
    client.CreateItem(ITEMS, item("b", "p", 1))
    fails(409, client.CreateItem, ITEMS, item("b", "p", 1))
    outdated = {"accessCondition": {"type": "IfMatch", "condition": '"outdated"'}, "partitionKey": "p"}
    fails(412, client.ReplaceItem, link("b"), item("b", "p", 2), outdated)
    client.DeleteItem(link("b"), key)


def one_partition():
    for n in range(60):
        client.CreateItem(ITEMS, item("n%02d" % n, "k%d" % (n % 12), n))
    query = {"query": "SELECT VALUE c.n FROM c WHERE c.n > @least", "parameters": [{"name": "@least", "value": 20}]}
    equal([24, 36, 48], rows(query, {"partitionKey": "k0", "maxItemCount": 2}))


def order_by():
    equal(list(range(59, -1, -1)), [each["n"] for each in rows("SELECT * FROM c ORDER BY c.n DESC", dict(ALL, maxItemCount=7))])


def merged():
    equal([60], rows("SELECT VALUE COUNT(1) FROM c"))
    equal([1770], rows("SELECT VALUE SUM(c.n) FROM c"))
    equal([29.5], rows("SELECT VALUE AVG(c.n) FROM c"))
    equal([59], rows("SELECT VALUE MAX(c.n) FROM c"))
    equal([59, 58, 57], [each["n"] for each in rows("SELECT TOP 3 * FROM c ORDER BY c.n DESC")])


def feed():
    equal(60, len(list(client.ReadItems(ITEMS, {"maxItemCount": 7}))))


def change_feed():
    seen, tokens = [], {}
    ranges = [each["id"] for each in client._ReadPartitionKeyRanges(ITEMS)]
    for each in ranges:
        seen.extend(change["id"] for change in client.QueryItemsChangeFeed(ITEMS, {"partitionKeyRangeId": each, "isStartFromBeginning": True}))
        tokens[each] = client.last_response_headers["etag"]
    equal(60, len(set(seen)))
    equal(60, len(seen))
    client.UpsertItem(ITEMS, item("late", "p", 1))
    later = []
    for each in ranges:
        later.extend(change["id"] for change in client.QueryItemsChangeFeed(ITEMS, {"partitionKeyRangeId": each, "continuation": tokens[each]}))
    equal(["late"], later)


CASES = [
    ("databases and containers are made, read and listed", containers),
    ("an item is created, read, replaced, upserted and deleted", crud),
    ("errors have the status that the SDK expects: 404, 409, 412", failures),
    ("a query of one partition takes parameters and goes on by pages", one_partition),
    ("ORDER BY across partitions merges the ranges", order_by),
    ("aggregates and TOP across partitions are merged", merged),
    ("the feed of all items goes on by pages", feed),
    ("the change feed of each range gives each item once and goes on by its continuation", change_feed),
]

for name, run in CASES:
    error = None
    try:
        run()
    except Exception:  # whatever it is, it is this case's result
        error = traceback.format_exc()
    print(json.dumps({"case": name, "error": error}))
