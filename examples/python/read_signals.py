"""Reads the topic `signals`: prints each new revision once, with what it adds to the one before, as NDJSON.

    pip install -r requirements.txt
    python3 read_signals.py 127.0.0.1:19092 http://127.0.0.1:18081/apis/ccompat/v7 signals --state signals.db

What is known of each signal is in --state, and the group's offsets follow it: what comes again after a crash is known by then.
"""
import argparse, io, json, sqlite3, urllib.request
from decimal import Decimal, getcontext
from functools import cache
import fastavro
from confluent_kafka import Consumer, KafkaError

getcontext().prec = 1000  # Amounts are exact: nothing is rounded on the way.
PRINTED = ("id", "revision", "coin", "direction", "side", "size", "price", "trigger", "complete")
parser = argparse.ArgumentParser()
for name in ("brokers", "registry", "topic"):
    parser.add_argument(name)
parser.add_argument("--group", default="subscriber-python")
parser.add_argument("--state", default=":memory:")
parser.add_argument("--until-end", action="store_true", help="end when all partitions are read")
options = parser.parse_args()

@cache
def schema_of(number):
    """What a record was written with; a later schema has more fields, which this reader doesn't need."""
    with urllib.request.urlopen(f"{options.registry}/schemas/ids/{number}") as answer:
        return fastavro.parse_schema(json.loads(json.load(answer)["schema"]))

def signal_in(value):
    """Confluent's wire format: a zero byte, the schema's id in four, the Avro body."""
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), schema_of(int.from_bytes(value[1:5], "big")))

def take(signal):
    """Prints a signal and remembers it, unless it is known (a repeat)."""
    last = round(signal["lastFillAt"].timestamp() * 1000)
    held = state.execute("SELECT revision, last, size FROM signals WHERE id = ?", [signal["id"]]).fetchone() or (0, 0, "0")
    if signal["revision"] <= held[0] and last <= held[1]:
        return
    delta = Decimal(signal["size"]) - (Decimal(held[2]) if signal["revision"] > held[0] else 0)  # A forgotten order begins anew.
    print(json.dumps({**{field: signal[field] for field in PRINTED}, "delta": format(delta, "f"), "fees": signal["fees"]}))
    state.execute("INSERT OR REPLACE INTO signals VALUES (?, ?, ?, ?)", [signal["id"], signal["revision"], last, signal["size"]])

state = sqlite3.connect(options.state)
state.execute("CREATE TABLE IF NOT EXISTS signals (id TEXT PRIMARY KEY, revision INTEGER, last INTEGER, size TEXT)")
consumer = Consumer({"bootstrap.servers": options.brokers, "group.id": options.group, "isolation.level": "read_committed",
                     "auto.offset.reset": "earliest", "enable.auto.commit": False, "enable.partition.eof": options.until_end})
consumer.subscribe([options.topic])
ended = set()
while not options.until_end or not ended or len(ended) < len(consumer.assignment()):
    batch = consumer.consume(500, timeout=1.0)
    for message in (each for each in batch if each.error() is None):
        take(signal_in(message.value()))
    state.commit()
    if any(each.error() is None for each in batch):
        consumer.commit(asynchronous=False)
    ended |= {each.partition() for each in batch if each.error() and each.error().code() == KafkaError._PARTITION_EOF}
consumer.close()
