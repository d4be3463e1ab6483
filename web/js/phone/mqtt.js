// The device's half that speaks MQTT: motions out, alerts in. The library is the one that anybody's page would use; it
// is large, so it comes after the page is there.

import { every, cancel } from './metronome.js';

const KEEP_ALIVE = 15; // s; a phone that is lost for half as much again gets its last will
const CONNECT_DEADLINE = 10000;
const TAKEN_OVER = 0x8e; // MQTT 5 §4.13
const REFUSALS = [0x86, 0x87]; // bad user name or password, not authorized (§3.2.2.2)

// connectMQTT begins a session as the device; password may be empty. alert(name) is called with the colour of each alert.
export function connectMQTT({ url, id, password, alert }, events) {
  let closed = false;
  let client = null;
  let socket = null;
  const createWebsocket = (address, protocols) => (socket = new WebSocket(address, protocols));
  load().then((mqtt) => {
    if (!closed) client = open(mqtt, { url, id, password, alert, createWebsocket }, events);
  }).catch((err) => {
    console.warn(`MQTT: ${err.message}`);
    events.down();
  });
  return {
    sendMotion: (payload) => client.publish(`/mwm/${id}/motion`, payload, { qos: 0, retain: true }),
    close() {
      closed = true;
      return client?.endAsync();
    },
    drop() {
      closed = true;
      socket?.close(); // at once: the library would take a moment that a page that goes does not have
      client?.end(true);
    },
  };
}

const load = async () => (await import('../../vendor/mqtt.js')).default;

function open(mqtt, { url, id, password, alert, createWebsocket }, { up, down, taken, refused }) {
  const client = mqtt.connect(url, {
    createWebsocket,
    clientId: id,
    ...password && { username: id, password },
    protocolVersion: 5,
    clean: true,
    keepalive: KEEP_ALIVE,
    connectTimeout: CONNECT_DEADLINE,
    reconnectPeriod: 0, // the link sees to that
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: { set: every, clear: cancel }, // its own would be a worker from a blob, which the page's policy forbids
    will: { topic: '/mwm/lastWill', payload: JSON.stringify({ deviceID: id }), qos: 2, retain: false },
  });
  client.on('connect', () => client.subscribe(`/mwm/${id}/alert`, { qos: 1 }, (err) => {
    if (err) client.end(true);
    else up();
  }));
  client.on('message', (_, payload, packet) => { if (!packet.retain) alert(new TextDecoder().decode(payload)); });
  client.on('disconnect', ({ reasonCode }) => { if (reasonCode === TAKEN_OVER) taken(); });
  client.on('error', (err) => {
    if (REFUSALS.includes(err.code)) refused();
    else console.warn(`MQTT: ${err.message}`);
  });
  client.on('close', () => {
    client.end(true);
    down();
  });
  return client;
}
