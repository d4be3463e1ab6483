// A page as the book's second example has it: the Paho client speaks MQTT 3.1 (MQIsdp), shows how phones are moved,
// and alerts them. The query says where the broker is: ?host=…&port=1884&path=/mqtt&id=…

const params = new URLSearchParams(location.search);
const id = params.get('id');
const client = new Paho.Client(params.get('host'), Number(params.get('port')), params.get('path'), id);
const rows = new Map();

client.onMessageArrived = (message) => {
  if (message.destinationName.startsWith('/mwm/lastWill')) {
    document.querySelector('#wills').appendChild(document.createElement('li')).textContent = message.payloadString;
  } else {
    show(message.destinationName.split('/')[2], message.payloadBytes);
  }
};

const will = new Paho.Message(`Web client ${id} has unexpectedly died`);
will.destinationName = '/mwm/lastWill/web';
will.qos = 2;

client.connect({
  mqttVersion: 3,
  willMessage: will,
  onSuccess() {
    document.querySelector('#state').textContent = 'connected';
    client.subscribe('/mwm/+/motion');
    client.subscribe('/mwm/lastWill/#', { qos: 2 });
  },
  onFailure({ errorMessage }) { document.querySelector('#state').textContent = `failed: ${errorMessage}`; },
});

function show(device, bytes) {
  if (!rows.has(device)) rows.set(device, addRow(device));
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const angles = [0, 8, 16].map((at) => data.getFloat64(at)); // big-endian
  rows.get(device).textContent = `pitch: ${angles[0].toFixed(2)} roll: ${angles[1].toFixed(2)} yaw: ${angles[2].toFixed(2)}`;
}

function addRow(device) {
  const row = document.querySelector('#motions').insertRow();
  row.insertCell().textContent = device;
  const values = row.insertCell();
  const button = row.insertCell().appendChild(document.createElement('button'));
  button.textContent = 'Alert!';
  button.addEventListener('click', () => {
    const message = new Paho.Message('red');
    message.destinationName = `/mwm/${device}/alert`;
    client.send(message);
  });
  return values;
}
