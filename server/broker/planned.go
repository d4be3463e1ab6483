package broker

import "time"

// maxPlanned bounds the messages that may wait to be written, in bytes: beyond,
// publishers wait for the disk. maxOwed bounds what waits beside them or is being
// written, such as subscriptions: beyond, those who add to that wait.
const (
	maxPlanned = 64 << 20
	maxOwed    = 16 << 20
)

// What waits takes so much, in bytes, roughly: a change of a record or the end of a
// box, a box beside its contents, and somebody who is to be told, with what is
// answered.
const (
	changeCost = 16
	boxCost    = 256
	doneCost   = 1 << 10
)

// cost is what a box takes while it waits to be written.
func (b *Box) cost() int { return boxCost + len(b.Name) + len(b.Meta) }

// await notes who is to be told when all that is planned is on disk. j.mu is held.
func (j *Journal) await(done func(error)) {
	j.done = append(j.done, done)
	j.owed += doneCost
}

// WaitRoom waits while too many messages wait to be written. Whoever calls Put for a
// client calls it before, with no lock held.
func (j *Journal) WaitRoom() { j.wait(j.hasRoom, time.Time{}) }

// roomBy is WaitRoom until a deadline; false: there is no room.
func (j *Journal) roomBy(deadline time.Time) bool { return j.wait(j.hasRoom, deadline) }

// WaitChanges waits while too much else does. Whoever calls NewBox, SetBox or Sync for
// a client calls it before, with no lock held.
func (j *Journal) WaitChanges() { j.wait(j.hasRoomForChanges, time.Time{}) }

// ChangesBy is WaitChanges until a deadline; false: there is no room.
func (j *Journal) ChangesBy(deadline time.Time) bool { return j.wait(j.hasRoomForChanges, deadline) }

// hasRoom and hasRoomForChanges report whether there is room. j.mu is held.
func (j *Journal) hasRoom() bool           { return j.bytes <= maxPlanned }
func (j *Journal) hasRoomForChanges() bool { return j.owed <= maxOwed || j.stopping }

// wait waits until there is room, or until the deadline if there is one; then it
// returns false.
func (j *Journal) wait(room func() bool, deadline time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	var over <-chan time.Time
	for !room() {
		if over == nil && !deadline.IsZero() { // most find room at once, and need no timer
			over = time.After(time.Until(deadline))
		}
		if j.room == nil {
			j.room = make(chan struct{})
		}
		given := j.room
		j.mu.Unlock()
		select {
		case <-given:
			j.mu.Lock()
		case <-over:
			j.mu.Lock()
			return false
		}
	}
	return true
}

// stop lets those go on who wait for room for changes: they are about to end, and would
// wait for ever for a disk that fails, which refuses the same changes again and again.
func (j *Journal) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stopping = true
	j.giveRoom()
}

// giveRoom tells those who wait for room that there may be some. j.mu is held.
func (j *Journal) giveRoom() {
	if j.room != nil {
		close(j.room)
		j.room = nil
	}
}
