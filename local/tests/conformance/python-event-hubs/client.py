"""Speaks with a broker through Microsoft's Python SDK over TLS; writes one line of JSON for each thing that it tried.

Arguments: connection string (this SDK knows no port but 5671), CA file, token, hub, the key's partition, and `uamqp` for the
transport of that name.
"""

import datetime
import json
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from azure.core.credentials import AccessToken
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, EventHubError

connection, authority, token, hub, key_partition = sys.argv[1:6]
common = {
    "connection_verify": authority,
    "retry_total": 0,
    "auth_timeout": 10,
}
if "uamqp" in sys.argv[6:]:
    common["uamqp_transport"] = True


def producer(to=connection, name=hub, **more):
    return EventHubProducerClient.from_connection_string(to, eventhub_name=name, **common, **more)


def read(partition, count, **where):
    """The first `count` events of a partition."""
    client = EventHubConsumerClient.from_connection_string(
        connection, consumer_group="$Default", eventhub_name=hub, **common
    )
    found = []
    done = threading.Event()

    def on_event(_, event):
        found.append(event)
        if len(found) >= count:
            done.set()

    thread = threading.Thread(
        target=client.receive,
        args=(on_event,),
        kwargs={"partition_id": partition, "starting_position": "-1", **where},
        daemon=True,
    )
    thread.start()
    assert done.wait(8), f"{len(found)} of {count} events in 8 s"
    client.close()
    thread.join(10)
    return found[:count]


def properties():
    with producer() as client:
        assert client.get_eventhub_properties()["eventhub_name"] == hub
        assert list(client.get_partition_ids()) == ["0", "1", "2", "3"]
        assert client.get_partition_properties("3")["is_empty"] is True


def batch():
    with producer() as client:
        data = client.create_batch(partition_id="0")
        assert data.max_size_in_bytes == 1024 * 1024
        for n in range(10):
            event = EventData(f"event {n}")
            event.properties = {"number": n, "text": "x"}
            event.message_id = f"m-{n}"
            event.content_type = "text/plain"
            data.add(event)
        client.send_batch(data)
    for n, event in enumerate(read("0", 10)):
        assert event.body_as_str() == f"event {n}"
        assert event.sequence_number == n and event.offset == str(n)
        names = {k.decode() if isinstance(k, bytes) else k: v for k, v in event.properties.items()}
        assert names["number"] == n and names["text"] in ("x", b"x"), names
        assert event.message_id == f"m-{n}" and event.content_type == "text/plain"
        age = datetime.datetime.now(datetime.timezone.utc) - event.enqueued_time
        assert abs(age) < datetime.timedelta(minutes=1)


def key():
    with producer() as client:
        data = client.create_batch(partition_key="drone-7")
        data.add(EventData("keyed"))
        client.send_batch(data)
        last = client.get_partition_properties(key_partition)["last_enqueued_sequence_number"]
    [event] = read(key_partition, 1, starting_position=last, starting_position_inclusive=True)
    assert event.body_as_str() == "keyed" and event.partition_key == b"drone-7"


def positions():
    def first(position, inclusive=False):
        return read("0", 1, starting_position=position, starting_position_inclusive=inclusive)[0].sequence_number

    an_hour_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
    where = [("-1",), (4,), (4, True), ("6",), ("6", True), (an_hour_ago,)]
    with ThreadPoolExecutor(3) as at_once:
        found = list(at_once.map(lambda each: first(*each), where))
    assert found == [0, 5, 4, 7, 6, 0], found


def metric():
    [event] = read("0", 1, track_last_enqueued_event_properties=True)
    assert event.sequence_number == 0


def epochs():
    low_error = threading.Event()
    client = EventHubConsumerClient.from_connection_string(
        connection, consumer_group="$Default", eventhub_name=hub, **common
    )
    reading = threading.Event()
    threading.Thread(
        target=client.receive,
        args=(lambda *_: reading.set(),),
        kwargs={
            "partition_id": "0",
            "starting_position": "-1",
            "owner_level": 1,
            "on_error": lambda *_: low_error.set(),
        },
        daemon=True,
    ).start()
    assert reading.wait(10)
    assert read("0", 1, owner_level=2)
    assert low_error.wait(10), "the lower epoch was not told"
    client.close()


def refusals():
    try:
        with producer(connection.replace("SharedAccessKey=", "SharedAccessKey=A")) as client:
            client.send_event(EventData("x"))
    except AuthenticationError:
        pass
    else:
        raise AssertionError("a wrong key was taken")
    try:
        with producer(name="nowhere") as client:
            client.get_partition_ids()
    except EventHubError:
        pass
    else:
        raise AssertionError("a hub that is not there was found")


def by_token():
    class Credential:
        def get_token(self, *_, **__):
            return AccessToken(token, int(time.time()) + 3600)

    with EventHubProducerClient("localhost", hub, Credential(), **common) as client:
        data = client.create_batch(partition_id="1")
        data.add(EventData("by token"))
        client.send_batch(data)


def many():
    with producer() as client:
        for _ in range(10):
            data = client.create_batch(partition_id="2")
            for n in range(500):
                data.add(EventData(b"x" * 200))
            client.send_batch(data)
    events = read("2", 5000)
    assert [event.sequence_number for event in events] == list(range(5000))


def attempt(work):
    error = None
    try:
        work()
    except Exception:  # pylint: disable=broad-except
        error = traceback.format_exc()
    return json.dumps({"name": work.__name__, "error": error})


# What stands together may run at the same time.
for group in ((properties,), (batch,), (key, positions, metric, refusals, by_token, many), (epochs,)):
    with ThreadPoolExecutor(len(group)) as workers:
        for line in workers.map(attempt, group):
            print(line, flush=True)
