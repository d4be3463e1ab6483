"""A conversation of stomp.py with the server, in each version."""
import queue
import sys

import stomp

port = int(sys.argv[1])


class Listener(stomp.ConnectionListener):
    def __init__(self):
        self.frames = queue.Queue()

    def on_message(self, f):
        self.frames.put(("MESSAGE", f.headers, f.body))

    def on_receipt(self, f):
        self.frames.put(("RECEIPT", f.headers, f.body))

    def on_error(self, f):
        self.frames.put(("ERROR", f.headers, f.body))


def talk(cls, version):
    options = {} if version == "1.0" else {"heartbeats": (1000, 1000)}
    conn = cls([("127.0.0.1", port)], **options)
    listener = Listener()
    conn.set_listener("", listener)

    def want(kind, **headers):
        got = listener.frames.get(timeout=10)
        assert got[0] == kind, (kind, got)
        for k, v in headers.items():
            assert got[1].get(k.replace("_", "-")) == v, (k, v, got)
        return got

    conn.connect(wait=True)
    conn.subscribe("/topic/device.*.location", id="1", ack="auto")
    conn.subscribe("/queue/py-" + version, id="2", ack="client-individual", headers={"receipt": "s"})
    want("RECEIPT", receipt_id="s")
    conn.send("/topic/device.BBB.location", '{"é": 1}', content_type="application/json", headers={"note": "10:30"})
    got = want("MESSAGE", destination="/topic/device.BBB.location", subscription="1", note="10:30")
    assert got[2] == '{"é": 1}', got

    for i in range(2):
        conn.send("/queue/py-" + version, "text %d" % i, receipt="r%d" % i)
    seen = [listener.frames.get(timeout=10) for _ in range(4)]
    receipts = [f[1]["receipt-id"] for f in seen if f[0] == "RECEIPT"]
    messages = [f for f in seen if f[0] == "MESSAGE"]
    assert receipts == ["r0", "r1"] and [m[2] for m in messages] == ["text 0", "text 1"], seen

    def ack(m, nack=False):
        f = conn.nack if nack else conn.ack
        if version == "1.2":
            f(m[1]["ack"])
        elif version == "1.1":
            f(m[1]["message-id"], "2")
        else:
            f(m[1]["message-id"])

    ack(messages[1])
    if version == "1.0":
        ack(messages[0])
    else:
        ack(messages[0], nack=True)
        again = want("MESSAGE", redelivered="true")
        assert again[2] == "text 0", again
        ack(again)

    tx = conn.begin()
    conn.send("/queue/py-" + version, "in a transaction", transaction=tx)
    conn.commit(tx)
    ack(want("MESSAGE"))
    conn.unsubscribe("2")
    conn.disconnect(receipt="bye")
    want("RECEIPT", receipt_id="bye")
    print(version, "ok")


for cls, version in ((stomp.Connection10, "1.0"), (stomp.Connection11, "1.1"), (stomp.Connection12, "1.2")):
    talk(cls, version)
