// Degrees or radians, for every place that shows an angle.

import { remember, recall } from '../remember.js';

class Units extends EventTarget {
  radians = recall('unit') === 'rad';

  set(radians) {
    if (this.radians === radians) return;
    this.radians = radians;
    remember('unit', radians ? 'rad' : 'deg');
    this.dispatchEvent(new Event('change'));
  }
}

export const units = new Units();
