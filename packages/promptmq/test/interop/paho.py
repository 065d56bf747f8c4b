"""Drives clients of paho-mqtt for a test: commands on stdin, events on stdout, JSON by line.

  {"call": 1, "client": "c", "do": "connect", ...}   -> {"call": 1, "result": ...} or {"call": 1, "error": "..."}
                                                     -> {"client": "c", "message": {...}}
                                                     -> {"client": "c", "ended": 142}

One thread: paho's sockets and stdin are waited for together, so nothing is called back while a
command is under way but what the command itself brings about. It ends with stdin. Properties have the
names of the standard with a small first letter; bytes are base64.
"""

import base64
import json
import os
import select
import socket
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCodes
from paho.mqtt.subscribeoptions import SubscribeOptions

VERSIONS = {"3.1": mqtt.MQTTv31, "3.1.1": mqtt.MQTTv311, "5.0": mqtt.MQTTv5}
# paho 2 wants to be told that its callbacks are those of paho 1.
CALLBACKS = (
    {"callback_api_version": mqtt.CallbackAPIVersion.VERSION1}
    if hasattr(mqtt, "CallbackAPIVersion")
    else {}
)


def say(event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def inward(packet_type, given):
    """Properties as paho has them; none where nothing is given."""
    if not given:
        return None
    properties = Properties(packet_type)
    for name, value in given.items():
        if name == "correlationData":
            value = base64.b64decode(value)
        elif name == "userProperties":
            name, value = "userProperty", [tuple(pair) for pair in value]
        setattr(properties, name[0].upper() + name[1:], value)
    return properties


def outward(properties):
    if properties is None:
        return {}
    result = {}
    for name, value in vars(properties).items():
        if name in ("packetType", "types", "names", "properties"):
            continue
        name = name[0].lower() + name[1:]
        if isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        if name == "userProperty":
            name = "userProperties"
        elif name == "subscriptionIdentifier":
            name = "subscriptionIdentifiers"
        result[name] = value
    return result


def code_of(reason):
    """A Reason Code as a number: paho has objects in 5.0, numbers before."""
    return getattr(reason, "value", reason)


class Driven:
    """One client, and the calls that wait for its answers."""

    def __init__(self, name, version, command):
        self.name = name
        self.is_v5 = version == "5.0"
        self.calls = {}
        self.answers = {}
        self.aliases = {}
        self.has_ended = False
        self.reconnects = command["reconnects"]
        self.is_lost = False
        self.is_leaving = False
        clean = {} if self.is_v5 else {"clean_session": command["clean"]}
        self.mqtt = mqtt.Client(
            **CALLBACKS,
            client_id=command["clientId"],
            protocol=VERSIONS[version],
            reconnect_on_failure=False,
            **clean,
        )
        self.mqtt.on_connect = self.on_connect
        self.mqtt.on_disconnect = self.on_disconnect
        self.mqtt.on_message = self.on_message
        self.mqtt.on_publish = lambda _c, _u, mid: self.answer(mid, 0)
        self.mqtt.on_subscribe = lambda _c, _u, mid, codes, *_: self.answer(mid, code_of(codes[0]))
        self.mqtt.on_unsubscribe = self.on_unsubscribe

    def on_connect(self, _client, _userdata, flags, reason, properties=None):
        self.answer(
            "connect",
            {
                "sessionPresent": bool(flags["session present"]),
                "code": code_of(reason),
                "properties": outward(properties),
            },
        )

    def on_disconnect(self, _client, _userdata, reason, _properties=None):
        if self.reconnects and not self.is_leaving:
            self.is_lost = True
            return
        if self.has_ended:
            return
        self.has_ended = True
        say({"client": self.name, "ended": getattr(reason, "value", None)})

    def on_message(self, _client, _userdata, message):
        properties = outward(getattr(message, "properties", None))
        topic = message.topic
        alias = properties.get("topicAlias")
        if alias is not None:
            # paho hands over what came, and leaves the look-up to its program.
            topic = self.aliases.setdefault(alias, topic) if topic == "" else topic
            self.aliases[alias] = topic
        say(
            {
                "client": self.name,
                "message": {
                    "topic": topic,
                    "payload": base64.b64encode(message.payload).decode(),
                    "qos": message.qos,
                    "retain": bool(message.retain),
                    "properties": properties,
                },
            }
        )

    def on_unsubscribe(self, _client, _userdata, mid, _properties=None, codes=None):
        codes = codes if isinstance(codes, list) else [codes]
        self.answer(mid, code_of(codes[0]) or 0)

    def answer(self, key, result):
        """What a call waits for; an answer may come before the call is known to wait."""
        if key in self.calls:
            say({"call": self.calls.pop(key), "result": result})
        else:
            self.answers[key] = result

    def wait(self, key, call):
        if key in self.answers:
            say({"call": call, "result": self.answers.pop(key)})
        else:
            self.calls[key] = call

    def connect(self, call, command):
        if command.get("userName") is not None:
            self.mqtt.username_pw_set(command["userName"], command.get("password"))
        will = command.get("will")
        if will:
            properties = inward(PacketTypes.WILLMESSAGE, will.get("properties"))
            self.mqtt.will_set(
                will["topic"], will["payload"], will["qos"], will["retain"], properties
            )
        options = {}
        if self.is_v5:
            options["clean_start"] = command["clean"]
            options["properties"] = inward(PacketTypes.CONNECT, command.get("properties"))
        self.calls["connect"] = call
        self.mqtt.connect("127.0.0.1", command["port"], command["keepAlive"], **options)

    def reconnect(self):
        self.is_lost = False
        try:
            self.mqtt.reconnect()
        except OSError:
            self.has_ended = True
            say({"client": self.name, "ended": None})

    def publish(self, call, command):
        info = self.mqtt.publish(
            command["topic"],
            base64.b64decode(command["payload"]),
            command["qos"],
            command["retain"],
            inward(PacketTypes.PUBLISH, command.get("properties")),
        )
        self.wait(info.mid, call)

    def subscribe(self, call, command):
        topic_filter, options = command["topicFilter"], command["options"]
        if self.is_v5:
            _, mid = self.mqtt.subscribe(
                topic_filter,
                options=SubscribeOptions(**options),
                properties=inward(PacketTypes.SUBSCRIBE, command.get("properties")),
            )
        else:
            _, mid = self.mqtt.subscribe(topic_filter, options["qos"])
        self.wait(mid, call)

    def unsubscribe(self, call, command):
        _, mid = self.mqtt.unsubscribe(command["topicFilter"])
        self.wait(mid, call)

    def disconnect(self, call, command):
        self.is_leaving = True
        if self.is_v5:
            self.mqtt.disconnect(
                ReasonCodes(PacketTypes.DISCONNECT, identifier=command["reasonCode"]),
                inward(PacketTypes.DISCONNECT, command.get("properties")),
            )
        else:
            self.mqtt.disconnect()
        say({"call": call, "result": None})

    def drop(self, call, _command):
        self.is_leaving = True
        if self.mqtt.socket() is not None:
            self.mqtt.socket().shutdown(socket.SHUT_RDWR)
        say({"call": call, "result": None})


COMMANDS = ("connect", "publish", "subscribe", "unsubscribe", "disconnect", "drop")


def obey(clients, line):
    command = json.loads(line)
    call, name, verb = command["call"], command["client"], command["do"]
    try:
        if verb == "connect":
            clients[name] = Driven(name, command["version"], command)
        if verb not in COMMANDS:
            raise ValueError("no such command: " + verb)
        getattr(clients[name], verb)(call, command)
    except Exception as error:  # The test has to hear of whatever the library throws.
        say({"call": call, "error": repr(error)})


def main():
    clients = {}
    unread = b""
    while True:
        live = {c.mqtt.socket(): c.mqtt for c in clients.values() if c.mqtt.socket() is not None}
        writers = [sock for sock, client in live.items() if client.want_write()]
        readable, writable, _ = select.select([0, *live], writers, [], 0.1)
        for sock in writable:
            live[sock].loop_write()
        for sock in readable:
            if sock != 0 and live[sock].socket() is sock:
                live[sock].loop_read()
        for client in live.values():
            client.loop_misc()
        for client in clients.values():
            if client.is_lost:
                client.reconnect()
        if 0 in readable:
            chunk = os.read(0, 65536)
            if not chunk:
                return
            *lines, unread = (unread + chunk).split(b"\n")
            for line in lines:
                obey(clients, line)


main()
