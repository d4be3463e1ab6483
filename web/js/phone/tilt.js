// A simulated attitude, set by a finger or by sliders, with the interface of the orientation sensor.

export const AXES = { pitch: Math.PI, roll: Math.PI / 2, yaw: Math.PI }; // how far each goes to either side
const PER_PIXEL = 0.012; // radians

export class Tilt extends EventTarget {
  state = 'off';
  attitude = { pitch: 0.5, roll: 0, yaw: 0 };

  start() {
    this.#set('live');
    this.#tell();
  }

  stop() {
    this.#set('off');
  }

  turnTo(axis, radians) {
    const most = AXES[axis];
    this.attitude = { ...this.attitude, [axis]: Math.max(-most, Math.min(most, radians)) };
    this.#tell();
  }

  // drag tilts the phone as a finger would that holds it: down lifts its upper edge, right its left one.
  drag(dx, dy) {
    this.turnTo('pitch', this.attitude.pitch + dy * PER_PIXEL);
    this.turnTo('roll', this.attitude.roll + dx * PER_PIXEL);
  }

  #tell() {
    if (this.state === 'live') this.dispatchEvent(new CustomEvent('attitude', { detail: this.attitude }));
  }

  #set(state) {
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }
}
