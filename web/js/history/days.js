// Days as the API names them, 2025-03-01: they belong to no time zone any more.

const DAY = 86_400_000;

export const dateOf = (name) => new Date(`${name}T00:00:00Z`);

// monthOf returns the cells of a month: for each day its name, and before the first as many nulls as the week has had days.
export function monthOf(name, firstDay = 1) {
  const first = dateOf(`${name.slice(0, 7)}-01`);
  const cells = Array.from({ length: (first.getUTCDay() - firstDay % 7 + 7) % 7 }, () => null);
  for (let date = first; date.getUTCMonth() === first.getUTCMonth(); date = new Date(date.getTime() + DAY)) cells.push(date.toISOString().slice(0, 10));
  return cells;
}

// near returns the day with a track that is so many days from a given one, or else the next in that direction.
export function near(days, from, steps) {
  const wanted = new Date(dateOf(from).getTime() + steps * DAY).toISOString().slice(0, 10);
  const found = steps > 0 ? days.find((day) => day >= wanted) : days.findLast((day) => day <= wanted);
  return found ?? (steps > 0 ? days[days.length - 1] : days[0]);
}
