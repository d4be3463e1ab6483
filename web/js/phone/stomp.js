// The device's half that speaks STOMP: positions out, texts in. The library is the one that anybody's page would use.

import '../../vendor/stomp.js';
import { every, cancel } from './metronome.js';

const { Client } = globalThis.StompJs;
const HEART_BEAT = 10000;
const CONNECT_DEADLINE = 10000;

// connectSTOMP begins a session as the device; password may be empty. text(message) is called with each text: {key, body, at, answer(ok, done)}.
export function connectSTOMP({ url, id, password, text }, { up, down, taken, refused }) {
  let receipts = 0;
  const withReceipt = (done) => {
    const receipt = `r${++receipts}`;
    client.watchForReceipt(receipt, done);
    return { receipt };
  };
  const client = new Client({
    brokerURL: url,
    connectHeaders: { 'client-id': id, ...password && { login: id, passcode: password } },
    heartbeatIncoming: HEART_BEAT,
    heartbeatOutgoing: HEART_BEAT,
    connectionTimeout: CONNECT_DEADLINE,
    reconnectDelay: 0, // the link sees to that
    onConnect() {
      client.subscribe(`/queue/device.${id}.text`, (message) => text({
        key: message.headers['message-id'],
        body: message.body,
        at: Number(message.headers.timestamp) || Date.now(),
        answer: (ok, done) => (ok ? message.ack : message.nack)(withReceipt(done)),
      }), { ack: 'client-individual' });
      up();
    },
    onStompError(frame) {
      const { message } = frame.headers;
      if (message === 'connection taken over') taken();
      else if (message === 'access refused') refused();
      else console.warn(`STOMP: ${message}`);
    },
    onWebSocketClose() {
      cancel(beat);
      down();
    },
  });
  // While the page is hidden the library's own heart-beats come too late. A line end is one.
  const beat = every(() => {
    if (document.hidden && client.connected) client.webSocket.send('\n');
  }, HEART_BEAT);
  client.activate();
  return {
    // sendPosition calls done when the server has processed the report.
    sendPosition(report, done) {
      client.publish({
        destination: `/topic/device.${id}.location`,
        headers: { 'content-type': 'application/json;charset=utf-8', ...withReceipt(done) },
        body: JSON.stringify({ deviceID: id, ...report }),
      });
    },
    close() {
      cancel(beat);
      return client.deactivate();
    },
    drop: () => client.webSocket?.close(),
  };
}
