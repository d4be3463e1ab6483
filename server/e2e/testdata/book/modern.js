// Today's clients, @stomp/stompjs and MQTT.js, at the same address: the subprotocol says who speaks what. What one
// of them publishes the other one gets.

function stomp(url) {
  return new Promise((resolve, reject) => {
    const client = new StompJs.Client({
      brokerURL: url, reconnectDelay: 0, heartbeatIncoming: 10000, heartbeatOutgoing: 10000,
      onConnect: () => resolve(client), onStompError: (frame) => reject(new Error(frame.headers.message)),
      onWebSocketError: () => reject(new Error(`STOMP: no connection to ${url}`)),
    });
    client.activate();
  });
}

function mqttTo(url, protocolVersion) {
  return new Promise((resolve, reject) => {
    const client = mqtt.connect(url, {
      protocolVersion, protocolId: protocolVersion === 3 ? 'MQIsdp' : 'MQTT', reconnectPeriod: 0, clean: true,
    });
    client.once('connect', () => resolve(client));
    client.once('error', reject);
  });
}

// exchange sends a text from either client to the other and returns what came.
async function exchange(url, protocolVersion) {
  const [left, right] = await Promise.all([stomp(url), mqttTo(url, protocolVersion)]);
  const subprotocol = left.webSocket.protocol;
  const listening = new Promise((resolve) => { left.watchForReceipt('listening', resolve); });
  const toLeft = new Promise((resolve) => {
    left.subscribe('/topic/from.*', ({ headers, body }) => resolve(`${headers.destination} ${body}`), { receipt: 'listening' });
  });
  await listening;
  const toRight = new Promise((resolve) => {
    right.on('message', (topic, payload) => resolve(`${topic} ${payload}`));
  });
  await right.subscribeAsync('to/+', { qos: 1 });
  await right.publishAsync('from/mqtt', 'grüße', { qos: protocolVersion === 3 ? 1 : 2 });
  left.publish({ destination: '/topic/to.mqtt', body: '안녕' });
  const got = [await toLeft, await toRight];
  await Promise.all([left.deactivate(), right.endAsync()]);
  return { subprotocol, got };
}

// bare opens a WebSocket without a subprotocol, sends bytes, and returns the first answer in hexadecimal.
function bare(url, hex) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => socket.send(Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16)));
    socket.onerror = () => reject(new Error(`no connection to ${url}`));
    socket.onmessage = ({ data }) => {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data);
      resolve([...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
      socket.close();
    };
  });
}

// refused resolves to whether a WebSocket cannot be opened from this page.
function refused(url, protocols) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    socket.onopen = () => { resolve(false); socket.close(); };
    socket.onerror = () => resolve(true);
  });
}
