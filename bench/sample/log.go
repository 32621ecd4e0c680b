package sample

import (
	"sync"
	"time"
)

// A Log writes samples that come from many goroutines, none of which may wait
// for a disk: a bounded queue leads to one goroutine that writes. Where the
// queue is full, or the writing has failed, a sample is lost, and counted.
type Log struct {
	file   *Writer
	broken func(error)

	mu     sync.Mutex // guards what follows, for as long as a send into a channel with room takes
	queue  chan Sample
	closed bool
	lost   int

	ended chan struct{} // closed when the writer has
	seq   int           // the writer's
	err   error         // the first of writing; the writer's until ended
}

// flushEvery is how old a sample may grow before others can read it.
const flushEvery = time.Second

// NewLog writes to file, whose header is written, through a queue of the length
// given. broken is called once, by the writer, when writing fails. The caller
// ends the log with Close.
func NewLog(file *Writer, queue int, broken func(error)) *Log {
	l := &Log{file: file, broken: broken, queue: make(chan Sample, queue), ended: make(chan struct{})}
	go l.write()
	return l
}

// Add queues a sample whose Seq is yet to be given, or counts it as lost. It
// never waits for the file, and is safe for concurrent use.
func (l *Log) Add(s Sample) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		select {
		case l.queue <- s:
			return
		default:
		}
	}
	l.lost++
}

// Close writes what is queued and the trailer that end makes of the number of
// samples lost. After an error the file has no trailer.
func (l *Log) Close(end func(lost int) Trailer) error {
	l.mu.Lock()
	l.closed = true
	close(l.queue)
	l.mu.Unlock()
	<-l.ended
	if l.err != nil {
		l.file.Discard()
		return l.err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close(end(l.lost))
}

// write writes until the queue is closed and empty.
func (l *Log) write() {
	defer close(l.ended)
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case s, more := <-l.queue:
			if !more {
				return
			}
			s.Seq, l.seq = l.seq, l.seq+1
			l.check(l.file.Sample(&s))
		case <-tick.C:
			l.check(l.file.Flush())
		}
	}
}

// check tells of the first error. The Writer repeats it, so that every sample
// after it is missing in a file that has no trailer.
func (l *Log) check(err error) {
	if err != nil && l.err == nil {
		l.err = err
		l.broken(err)
	}
}
