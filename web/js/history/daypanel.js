// The panel beside the map: which device, which day, and what is told of it (see panel.js), or why there is nothing to tell.

import { t } from '../i18n.js';
import { make, button, icon, setAttribute } from '../ui/dom.js';
import { Calendar } from './calendar.js';
import { company, confirmDelete, diary, facts, files, keeping, keptWords, legend } from './panel.js';
import { day as dayName } from './words.js';

const WORDS = { none: 'history.choose', loading: 'history.loading', empty: 'history.empty', off: 'history.off', failed: 'history.failed' };

export class DayPanel {
  $root = make('div', 'history-panel');
  #actions;
  #view = {};
  #shown = '';
  #calendarOpen = false;

  // actions: close(), retry(), unfold() when more is to be seen, chooseDay(name), colour(name), visit(time), remove() resolves when it is done
  constructor(actions) {
    this.#actions = actions;
  }

  // show tells of {id, state, reason, info} and, when the state is ready, of {days, day, track, moments, colouring, others}. A day that grows
  // does not take the panel away from under the keyboard.
  show(view) {
    this.#view = view;
    const shown = `${view.id}/${view.day?.day}/${view.state}/${view.colouring}`;
    if (shown === this.#shown && this.$root[0].contains(document.activeElement)) return;
    this.#shown = shown;
    const scrolled = this.$root.find('.card-body').scrollTop() ?? 0;
    const closing = this.$root.find('[data-testid=history-close]').is(document.activeElement);
    this.$root.empty().append(this.#head(), view.state === 'ready' ? [this.#dayChoice(), this.#body()] : this.#message());
    this.$root.find('.card-body').scrollTop(scrolled);
    if (closing) this.#keepKeyboard(); // it was there while the track was loading, too
  }

  showCompany(others) {
    this.$root.find('.company').replaceWith(company(others));
  }

  focusDate() {
    this.$root.find('.history-date').trigger('focus');
  }

  focusColour(name) {
    this.$root.find(`[data-testid=colour-${name}]`).trigger('focus');
  }

  #head() {
    const { id } = this.#view;
    const $close = make('button', 'tool').attr({ type: 'button', 'aria-label': t('history.otherDevice'), title: t('history.otherDevice'), 'data-testid': 'history-close' })
      .append(icon('close')).on('click', () => this.#actions.close());
    return make('div', 'history-head').append(
      make('div').append(make('p', 'history-kind', t('nav.history')), make('h2', 'card-id', id ?? t('history.noDevice')).attr({ 'data-testid': 'history-device', title: id ?? '' })),
      id === null ? [] : $close,
    );
  }

  #message() {
    const { state, reason, info } = this.#view;
    const $message = make('div', 'history-message').attr({ role: 'status', 'data-testid': 'history-message' })
      .append(icon(state === 'failed' ? 'lost' : 'history'), make('p', '', t(WORDS[state], { reason })));
    if (state === 'failed') $message.append(button('button', 'again', t('link.retry')).attr('data-testid', 'history-retry').on('click', () => this.#actions.retry()));
    if (state === 'empty' && info) $message.append(keptWords(info));
    return $message;
  }

  #dayChoice() {
    const { days, day: current } = this.#view;
    const at = days.indexOf(current);
    const step = (symbol, key, day, name) => make('button', 'tool').attr({ type: 'button', 'aria-label': t(key), title: t(key), 'data-testid': name }).prop('disabled', !day)
      .append(icon(symbol)).on('click', () => this.#actions.chooseDay(day.day));
    const $calendar = make('div', 'history-calendar').prop('hidden', !this.#calendarOpen);
    const $date = button('button history-date', 'calendar', dayName(current.day)).attr({ 'aria-expanded': this.#calendarOpen, 'data-testid': 'history-date' }).append(icon('chevron'))
      .on('click', () => this.#openCalendar(!this.#calendarOpen));
    $calendar.on('keydown', (e) => {
      if (e.key !== 'Escape') return;
      e.stopPropagation();
      this.#openCalendar(false);
      this.focusDate();
    });
    if (this.#calendarOpen) $calendar.append(this.#calendar().$root);
    return make('div', 'history-days').append(
      make('div', 'history-day').append(step('left', 'history.dayBefore', days[at - 1], 'day-before'), $date, step('right', 'history.dayAfter', days[at + 1], 'day-after')), $calendar,
    );
  }

  #calendar() {
    return new Calendar({
      days: this.#view.days, current: this.#view.day.day,
      choose: (day) => {
        this.#calendarOpen = false;
        this.#actions.chooseDay(day);
      },
    });
  }

  #openCalendar(open) {
    this.#calendarOpen = open;
    const $calendar = this.$root.find('.history-calendar').empty().prop('hidden', !open);
    setAttribute(this.$root.find('.history-date')[0], 'aria-expanded', open);
    if (!open) return;
    this.#actions.unfold();
    const calendar = this.#calendar();
    $calendar.append(calendar.$root);
    calendar.focus();
  }

  #body() {
    const { id, info, days, day, track, moments, colouring, others } = this.#view;
    return make('div', 'card-body').append(
      facts(track, track.count), legend(track, colouring, (name) => this.#actions.colour(name)), company(others), diary(moments, (time) => this.#actions.visit(time)),
      files(id, day.day), keeping(info, () => confirmDelete(id, days, () => this.#actions.remove(), () => this.#keepKeyboard())),
    );
  }

  // With the history, the button that deleted it has gone.
  #keepKeyboard() {
    if (document.activeElement === document.body) this.$root.find('[data-testid=history-close]').trigger('focus');
  }
}
