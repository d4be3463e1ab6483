// The days of a month, of which those with a track can be chosen. Arrow keys go from one to the next, over months without any.

import { t, lang } from '../i18n.js';
import { make, icon, setAttribute } from '../ui/dom.js';
import { dateOf, monthOf, near } from './days.js';
import { dayLong, month, weekday } from './words.js';

const KEYS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

// weekStart is the first day of the week where the language is spoken, 1 for Monday to 7 for Sunday.
function weekStart() {
  const locale = new Intl.Locale(lang());
  return (locale.getWeekInfo?.() ?? locale.weekInfo)?.firstDay ?? 1;
}

export class Calendar {
  #days;
  #current;
  #choose;
  #shown;
  #title = make('h3', 'calendar-title').attr('aria-live', 'polite');
  #grid = make('div', 'calendar-grid');
  #earlier = this.#turn('left', 'history.monthBefore', -1);
  #later = this.#turn('right', 'history.monthAfter', 1);

  // days are those of the API, oldest first; choose(day) is called with the name of one.
  constructor({ days, current, choose }) {
    this.#days = new Map(days.map((day) => [day.day, day]));
    this.#current = this.#shown = current;
    this.#choose = choose;
    this.#grid.on('click', 'button', (e) => choose(e.currentTarget.dataset.day)).on('keydown', (e) => this.#key(e));
    this.$root = make('div', 'calendar').attr({ role: 'group', 'aria-label': t('history.days'), 'data-testid': 'calendar' })
      .append(make('div', 'calendar-head').append(this.#earlier, this.#title, this.#later), this.#grid);
    this.#render();
  }

  focus() {
    this.#grid.find('[tabindex=0]').trigger('focus');
  }

  #turn(symbol, key, months) {
    return make('button', 'icon-button').attr({ type: 'button', 'aria-label': t(key), title: t(key) }).append(icon(symbol)).on('click', () => {
      const date = dateOf(`${this.#shown.slice(0, 7)}-01`);
      date.setUTCMonth(date.getUTCMonth() + months);
      this.#shown = date.toISOString().slice(0, 10);
      this.#render();
    });
  }

  #render() {
    const names = [...this.#days.keys()];
    const shown = this.#shown.slice(0, 7);
    this.#title.text(month(this.#shown));
    this.#earlier.prop('disabled', shown <= names[0].slice(0, 7));
    this.#later.prop('disabled', shown >= names[names.length - 1].slice(0, 7));
    const first = weekStart();
    const heads = Array.from({ length: 7 }, (_, k) => make('span', 'calendar-weekday', weekday(new Date(Date.UTC(2024, 0, k + first)))).attr('aria-hidden', 'true'));
    const cells = monthOf(this.#shown, first);
    const stop = cells.includes(this.#current) ? this.#current : cells.find((name) => this.#days.has(name));
    this.#grid.empty().append(heads, cells.map((name) => this.#cell(name, name === stop)));
  }

  #cell(name, stop) {
    if (name === null) return make('span');
    const day = this.#days.get(name);
    if (!day) return make('span', 'calendar-none', String(Number(name.slice(8))));
    const $day = make('button', 'calendar-day', String(Number(name.slice(8)))).attr({ type: 'button', 'data-day': name, tabindex: stop ? 0 : -1, 'data-testid': 'calendar-day' })
      .append(make('span', 'sr-only', ` ${t('history.dayPoints', { day: dayLong(name), n: day.points })}`));
    if (name === this.#current) setAttribute($day[0], 'aria-current', 'date');
    return $day;
  }

  #key(e) {
    const steps = KEYS[e.key];
    if (!steps || e.altKey || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    const to = near([...this.#days.keys()], e.target.dataset.day, steps);
    if (to.slice(0, 7) !== this.#shown.slice(0, 7)) {
      this.#shown = to;
      this.#render();
    }
    for (const button of this.#grid.find('button')) {
      button.tabIndex = button.dataset.day === to ? 0 : -1;
      if (button.dataset.day === to) button.focus();
    }
  }
}
