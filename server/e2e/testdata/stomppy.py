"""A truck and headquarters with stomp.py.

    stomppy.py HOST PORT VERSION truck ID      reports where it is, shows and confirms texts
    stomppy.py HOST PORT VERSION headquarters  shows where trucks are; "ID text" on standard input is sent

Ends when standard input does.
"""

import json
import sys

import stomp

CONNECTIONS = {"1.0": stomp.Connection10, "1.1": stomp.Connection11, "1.2": stomp.Connection12}


class Listener(stomp.ConnectionListener):
    def __init__(self, connection):
        self.connection = connection

    def on_error(self, frame):
        print("error:", frame.headers.get("message"), frame.body)

    def on_message(self, frame):
        destination = frame.headers["destination"]
        if destination.startswith("/topic/"):
            where = json.loads(frame.body)
            print(f"{destination}: {where['deviceID']} is at {where['lat']:.4f}, {where['lng']:.4f}")
            return
        print("text:", frame.body)
        if isinstance(self.connection, stomp.Connection12):
            self.connection.ack(frame.headers["ack"])
        elif isinstance(self.connection, stomp.Connection11):
            self.connection.ack(frame.headers["message-id"], frame.headers["subscription"])
        else:
            self.connection.ack(frame.headers["message-id"])


def subscribe(connection, destination, ack):
    if isinstance(connection, stomp.Connection10):
        connection.subscribe(destination, ack=ack)
    else:
        connection.subscribe(destination, id="1", ack=ack)


def truck(connection, name):
    subscribe(connection, f"/queue/device.{name}.text", "client" if isinstance(connection, stomp.Connection10) else "client-individual")
    where = json.dumps({"deviceID": name, "lat": 48.8581, "lng": 2.2946, "ts": "2013-09-23T08:43Z"})
    for _ in sys.stdin:  # each line is an occasion to report
        connection.send(f"/topic/device.{name}.location", where, content_type="application/json;charset=utf-8")


def headquarters(connection):
    subscribe(connection, "/topic/device.*.location", "auto")
    for line in sys.stdin:
        name, _, text = line.rstrip("\n").partition(" ")
        connection.send(f"/queue/device.{name}.text", text, persistent="true")


def main():
    host, port, version, role, *args = sys.argv[1:]
    heart_beats = {} if version == "1.0" else {"heartbeats": (5000, 10000)}
    connection = CONNECTIONS[version]([(host, int(port))], **heart_beats)
    connection.set_listener("", Listener(connection))
    headers = {"client-id": args[0]} if args else {}
    connection.connect(wait=True, headers=headers)
    print("connected")
    {"truck": truck, "headquarters": headquarters}[role](connection, *args)
    connection.disconnect()
    print("disconnected")


main()
