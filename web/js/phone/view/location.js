// The card of the position.

import $ from '../../../vendor/jquery.js';
import { t, onLang, lang } from '../../i18n.js';
import { onTheme } from '../../theme.js';
import { addTask } from '../../scheduler.js';
import { recall, remember } from '../../remember.js';
import { age } from '../../format.js';
import { make, setText } from '../../ui/dom.js';
import { shown, coordinatesOf } from '../position.js';
import { Track } from '../track.js';
import { drawScope } from '../scope.js';
import { PACES } from '../walk.js';
import { CardFrame } from './card.js';

// Places that a walk may go around: on the demo's streets first, then the book's first report.
const PLACES = {
  andorra: { lat: 42.5063, lng: 1.5218 }, paris: { lat: 48.8581, lng: 2.2946 }, seoul: { lat: 37.5663, lng: 126.9779 },
  london: { lat: 51.508, lng: -0.128 }, newyork: { lat: 40.7812, lng: -73.9665 }, sydney: { lat: -33.8568, lng: 151.2153 },
};
const SCOPE = 116;

// keptPlace returns the place that was chosen at the last visit.
export function keptPlace() {
  return coordinatesOf(recall('phone.place') ?? '') ?? PLACES.andorra;
}

export class LocationCard {
  #channel;
  #outbox;
  #frame;
  #track = new Track();
  #task = addTask(() => this.#render(), 100);
  #sent = 0;

  constructor({ channel, outbox, resend, secureURL }) {
    this.#channel = channel;
    this.#outbox = outbox;
    this.#frame = new CardFrame('location', channel, secureURL);
    channel.addEventListener('state', () => this.changed());
    channel.addEventListener('value', ({ detail }) => {
      this.#track.add(detail);
      this.changed();
    });
    $('#resend').on('click', resend);
    this.#simulation();
    onLang(() => { this.#words(); this.changed(); });
    onTheme(() => this.changed());
    this.#words();
    this.changed();
  }

  changed() {
    this.#task.request();
  }

  // arrived notes that the server has confirmed a position.
  arrived() {
    this.#sent++;
    this.changed();
  }

  // forget clears the way: what comes next is from elsewhere.
  forget() {
    this.#track.clear();
    this.changed();
  }

  // fresh forgets what another device has done.
  fresh() {
    this.#sent = 0;
    this.forget();
  }

  #simulation() {
    const walk = this.#channel.source('simulated');
    for (const pace of Object.keys(PACES)) {
      make('button').attr({ type: 'button', 'data-pace': pace, 'data-testid': `pace-${pace}` }).appendTo('#pace').on('click', () => {
        walk.pace = pace;
        remember('phone.pace', pace);
        this.changed();
      });
    }
    $('#place').on('change', (e) => {
      if (e.target.value !== 'custom') this.#goTo(PLACES[e.target.value]);
      this.changed();
    });
    $('#coordinates').on('change', () => {
      const place = coordinatesOf($('#coordinates').val());
      $('#coordinates').attr('aria-invalid', place === null);
      $('#coordinates-wrong').text(place === null ? t('phone.place.wrong') : '');
      if (place) this.#goTo(place);
    });
  }

  #goTo(place) {
    this.forget();
    remember('phone.place', `${place.lat}, ${place.lng}`);
    this.#channel.source('simulated').home = place;
  }

  // The options name themselves in the page's language; what is chosen stays.
  #words() {
    const { home } = this.#channel.source('simulated');
    const known = Object.keys(PLACES).find((name) => PLACES[name].lat === home.lat && PLACES[name].lng === home.lng);
    const chosen = $('#place').val() || known || 'custom';
    $('#place').empty().append([...Object.keys(PLACES), 'custom'].map((name) => make('option', '', t(`phone.place.${name}`)).val(name))).val(chosen);
    if (!$('#coordinates').val()) $('#coordinates').val(`${home.lat}, ${home.lng}`);
    for (const element of $('#pace button')) element.textContent = t(`phone.pace.${element.dataset.pace}`);
  }

  #render() {
    this.#frame.render();
    const { mode, on } = this.#channel;
    const { last } = this.#track;
    const $root = this.#frame.$root;
    drawScope($root.find('.hs-instrument')[0], SCOPE, this.#track);
    setText($root.find('.hs-position')[0], last ? shown(last) : t(on ? 'phone.location.none' : 'phone.location.off'));
    $root.toggleClass('empty', !last);
    setText($root.find('[data-testid="fix"]')[0], last ? this.#fixWords(last) : '');
    setText($root.find('[data-testid="sent"]')[0], this.#sentWords());
    $root.find('.hs-simulation').prop('hidden', mode !== 'simulated');
    $('#coordinates-field').prop('hidden', $('#place').val() !== 'custom');
    for (const element of $('#pace button')) element.setAttribute('aria-pressed', element.dataset.pace === this.#channel.source('simulated').pace);
    $('#resend').prop('disabled', !on || !last);
    return last ? 1000 : undefined; // ages tick
  }

  #fixWords({ accuracy, speed, ts }) {
    const whole = (n) => Math.round(n).toLocaleString(lang());
    return [
      accuracy !== null && t('phone.location.accuracy', { n: whole(accuracy) }),
      speed !== null && t('unit.kmh', { n: whole(speed * 3.6) }),
      age(Date.now() - ts),
    ].filter(Boolean).join(' · ');
  }

  #sentWords() {
    const { unsent } = this.#outbox;
    return [
      this.#sent && t('phone.location.sent', { n: this.#sent }),
      unsent && t('phone.location.waiting', { n: unsent }),
    ].filter(Boolean).join(' · ');
  }
}
