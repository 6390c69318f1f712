//! A worker's inbox: memory that it shares with the server, and in which its requests or
//! tasks lie until it takes them.
//!
//! One frame lies behind the other, in words of eight bytes, over and over through the same
//! memory: a position counts words from the beginning of the inbox, and never starts again.
//! What lies between `head` and `tail` was sent and not taken. The server alone moves `tail`.
//! The worker moves `head` over a frame that it takes, and the server over frames that it
//! takes back, each only from where it believes it to be: so only one of the two gets a frame,
//! and who comes too late knows that what it read in the meantime may be anything.
//!
//! Nobody is woken who is awake: a worker says here when it goes to sleep, and is then sent a
//! frame over its link ([`Kind::Work`]).
//!
//! All of the memory is atomics, and both sides may write all of it at any time. The worker may
//! be broken: the server keeps where each frame begins, and does not read that here.

use crate::frame::{FRAME_MAX, FrameError, Header, Kind, PAYLOAD_MAX};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};
use std::collections::VecDeque;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// How many words an inbox holds: the longest frame, or many that are short.
const WORDS: usize = FRAME_MAX / WORD;
/// Bytes of a word.
const WORD: usize = size_of::<u64>();
/// Words of a frame's header.
const HEADER_WORDS: usize = Header::SIZE / WORD;
/// How many frames the server may remember before it looks which of them still lie there.
const REMEMBERED_MAX: usize = 32;

/// Something that lies in no cache line with anything else.
#[derive(Debug, Default)]
#[repr(C, align(64))]
struct Apart<T>(T);

/// What both sides see.
#[derive(Debug)]
#[repr(C)]
struct Shared {
    /// Where the first frame lies that nobody has taken.
    head: Apart<AtomicU64>,
    /// Where the next frame will lie.
    tail: Apart<AtomicU64>,
    /// Not 0 when the worker must be woken.
    asleep: Apart<AtomicU32>,
    words: [AtomicU64; WORDS],
}

/// Memory that two processes see.
#[derive(Debug)]
struct Mapping(NonNull<Shared>);

/// The server's end of an inbox.
#[derive(Debug)]
pub struct Sending {
    shared: Mapping,
    /// Where the next frame will lie.
    tail: u64,
    /// The frames that were not known to be taken when that was last looked for: where each
    /// begins, and its id.
    lying: VecDeque<(u64, u64)>,
    /// Whether the worker wrote where it should not.
    is_broken: bool,
}

/// The worker's end of an inbox.
#[derive(Debug)]
pub struct Taking {
    shared: Mapping,
}

#[expect(unsafe_code, reason = "memory that two processes share cannot be had otherwise")]
mod mapping {
    use super::{AsFd, Deref, MapFlags, Mapping, NonNull, ProtFlags, Shared, io};

    // SAFETY: all of what it points at is atomics, which any thread may use.
    unsafe impl Send for Mapping {}
    // SAFETY: as above.
    unsafe impl Sync for Mapping {}

    impl Mapping {
        /// The memory behind this descriptor, which is large enough and cannot be cut.
        pub(super) fn of(memory: impl AsFd) -> io::Result<Self> {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            let (len, anywhere) = (size_of::<Shared>(), std::ptr::null_mut());
            // SAFETY: the system chooses a place where nothing is.
            let at = unsafe {
                rustix::mm::mmap(anywhere, len, access, MapFlags::SHARED, memory.as_fd(), 0)
            }?;
            NonNull::new(at.cast()).map(Self).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
        }
    }

    impl Deref for Mapping {
        type Target = Shared;

        fn deref(&self) -> &Shared {
            // SAFETY: it is mapped until this is dropped, begins at a page, and holds nothing
            // but atomic numbers, which may be any and change at any time.
            unsafe { self.0.as_ref() }
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: the mapping is ours, and nobody has a reference into it any more.
            // It only fails for what is no mapping.
            let _ = unsafe { rustix::mm::munmap(self.0.as_ptr().cast(), size_of::<Shared>()) };
        }
    }
}

impl Shared {
    /// The word at a position.
    fn word(&self, at: u64) -> &AtomicU64 {
        // A remainder always fits.
        &self.words[usize::try_from(at % WORDS as u64).unwrap_or(0)]
    }

    /// Writes a frame.
    fn write(&self, at: u64, header: Header, payload: &[u8]) {
        let head = header.to_bytes();
        let (chunks, rest) = payload.as_chunks::<WORD>();
        let mut last = [0; WORD];
        last[..rest.len()].copy_from_slice(rest);
        let last = (!rest.is_empty()).then_some(&last);
        let words = head.as_chunks::<WORD>().0.iter().chain(chunks).chain(last);
        for (at, word) in (at..).zip(words) {
            self.word(at).store(u64::from_le_bytes(*word), Ordering::Relaxed);
        }
    }

    /// Reads the header of a frame.
    fn header(&self, at: u64) -> Result<Header, FrameError> {
        let mut head = [0; Header::SIZE];
        for (at, word) in (at..).zip(head.as_chunks_mut::<WORD>().0) {
            *word = self.word(at).load(Ordering::Relaxed).to_le_bytes();
        }
        Header::of(head)
    }

    /// Reads so many bytes behind a frame's header.
    fn payload(&self, at: u64, len: usize, into: &mut Vec<u8>) {
        into.clear();
        into.resize(len.next_multiple_of(WORD), 0);
        for (at, word) in (at + HEADER_WORDS as u64..).zip(into.as_chunks_mut::<WORD>().0) {
            *word = self.word(at).load(Ordering::Relaxed).to_le_bytes();
        }
        into.truncate(len);
    }

    /// Moves `head` on from where it is believed to be. Whether it was there.
    fn take(&self, from: u64, to: u64) -> bool {
        self.head.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// How many words a frame with such a payload takes.
const fn words_of(len: usize) -> u64 {
    (HEADER_WORDS + len.div_ceil(WORD)) as u64
}

impl Sending {
    /// An empty inbox, and the descriptor with which a worker opens its end.
    pub fn new() -> io::Result<(Self, OwnedFd)> {
        let memory = create()?;
        let len = size_of::<Shared>();
        rustix::fs::ftruncate(&memory, len as u64)?;
        // A worker that could cut it off could end us with it.
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&memory, seals)?;
        let shared = Mapping::of(&memory)?;
        Ok((Self { shared, tail: 0, lying: VecDeque::new(), is_broken: false }, memory))
    }

    /// Sends a frame. Whether the worker sleeps and is to be woken.
    ///
    /// # Errors
    /// `InvalidInput` when it is too long for one frame, `WouldBlock` when the inbox is full,
    /// `InvalidData` when the worker broke it. That a worker is gone is no error here.
    pub fn post(&mut self, kind: Kind, id: u64, payload: &[u8]) -> io::Result<bool> {
        if payload.len() > PAYLOAD_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if !self.fits(payload.len()) {
            let why =
                if self.is_broken { io::ErrorKind::InvalidData } else { io::ErrorKind::WouldBlock };
            return Err(why.into());
        }
        let end = self.tail + words_of(payload.len());
        self.shared.write(self.tail, Header::new(kind, 0, id, payload.len()), payload);
        self.lying.push_back((self.tail, id));
        self.tail = end;
        self.shared.tail.0.store(end, Ordering::Release);
        // Either we see here that the worker sleeps, or it sees what we sent before it does.
        fence(Ordering::SeqCst);
        let asleep = &self.shared.asleep.0;
        Ok(asleep.load(Ordering::Relaxed) != 0 && asleep.swap(0, Ordering::Relaxed) != 0)
    }

    /// Whether [`Self::post`] takes a payload of this length.
    pub fn fits(&mut self, len: usize) -> bool {
        let end = self.tail + words_of(len);
        if self.lying.len() >= REMEMBERED_MAX || !self.has_room(end) {
            self.look();
        }
        len <= PAYLOAD_MAX && !self.is_broken && self.has_room(end)
    }

    /// Whether the worker is known to have written where it should not. What was in the inbox
    /// then is not taken back, since nobody knows what it took.
    pub const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// The id of the first frame that was not taken.
    pub fn front(&mut self) -> Option<u64> {
        self.look();
        self.lying.front().map(|(_, id)| *id)
    }

    /// Takes all frames out that were not taken; their ids.
    pub fn take_all_back(&mut self) -> Vec<u64> {
        loop {
            self.look();
            let Some((at, _)) = self.lying.front() else { return Vec::new() };
            if self.shared.take(*at, self.tail) {
                return self.lying.drain(..).map(|(_, id)| id).collect();
            }
        }
    }

    /// Whether there is room up to this position, as far as is known.
    fn has_room(&self, end: u64) -> bool {
        let begin = self.lying.front().map_or(self.tail, |(at, _)| *at);
        end - begin <= WORDS as u64
    }

    /// Looks which frames the worker has taken. One that wrote nonsense is taken to have them
    /// all.
    fn look(&mut self) {
        let head = self.shared.head.0.load(Ordering::Acquire);
        while self.lying.pop_front_if(|(at, _)| *at < head).is_some() {}
        if self.lying.front().map_or(self.tail, |(at, _)| *at) != head {
            self.is_broken = true;
            self.lying.clear();
        }
    }
}

impl Taking {
    /// The inbox behind a descriptor, which is not needed any more after this.
    ///
    /// # Errors
    /// Those of the system, and `InvalidInput` when that is no inbox.
    pub fn open(memory: impl AsFd) -> io::Result<Self> {
        let size = rustix::fs::fstat(&memory)?.st_size;
        if usize::try_from(size) != Ok(size_of::<Shared>()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self { shared: Mapping::of(memory)? })
    }

    /// Takes the first frame: its header; its payload is in `into`, which may hold anything
    /// when there is none.
    ///
    /// # Errors
    /// When what lies there is no frame.
    pub fn take(&self, into: &mut Vec<u8>) -> Result<Option<Header>, FrameError> {
        loop {
            let head = self.shared.head.0.load(Ordering::Acquire);
            let tail = self.shared.tail.0.load(Ordering::Acquire);
            if head >= tail {
                return Ok(None);
            }
            let frame = self.shared.header(head).and_then(|header| {
                let held = tail - head;
                let next = head + words_of(header.len as usize);
                (next <= tail).then_some((header, next)).ok_or(FrameError::Overrun(held))
            });
            if let Ok((header, next)) = frame {
                self.shared.payload(head, header.len as usize, into);
                if self.shared.take(head, next) {
                    return Ok(Some(header));
                }
            } else if self.shared.take(head, head) {
                return frame.map(|_| None);
            }
            // The server has taken it back, so that this may have been the middle of another.
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        let head = self.shared.head.0.load(Ordering::Relaxed);
        head >= self.shared.tail.0.load(Ordering::Acquire)
    }

    /// Says that the worker now sleeps and must be woken. False when it may not, because
    /// something is there.
    pub fn sleeps(&self) -> bool {
        self.shared.asleep.0.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let may_sleep = self.is_empty();
        if !may_sleep {
            self.wakes();
        }
        may_sleep
    }

    /// Says that the worker is awake.
    pub fn wakes(&self) {
        self.shared.asleep.0.store(0, Ordering::Relaxed);
    }
}

/// Memory with a descriptor, of no length yet.
fn create() -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Systems that know this flag may insist on it; it forbids to execute what is no program.
    match rustix::fs::memfd_create("pogo-inbox", flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => Ok(rustix::fs::memfd_create("pogo-inbox", flags)?),
        created => Ok(created?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;
    use std::time::{Duration, Instant};

    fn inbox() -> (Sending, Taking) {
        let (ours, theirs) = Sending::new().expect("memory");
        (ours, Taking::open(theirs).expect("an inbox"))
    }

    /// The id and payload of what the worker takes.
    fn taken(theirs: &Taking) -> Option<(u64, Vec<u8>)> {
        let mut payload = vec![b'x'; 100];
        let header = theirs.take(&mut payload).expect("a frame")?;
        assert_eq!((header.kind, header.len as usize), (Kind::Request, payload.len()));
        Some((header.id, payload))
    }

    /// Bytes that say which frame they are of, and where in it.
    fn payload(id: u64, len: usize) -> Vec<u8> {
        (id..).map(|n| n.to_le_bytes()[0]).take(len).collect()
    }

    #[test]
    fn frames_of_every_length_come_whole_and_in_order() {
        let (mut ours, theirs) = inbox();
        let lengths = [0, 1, 7, 8, 9, 1000, PAYLOAD_MAX / 3, PAYLOAD_MAX - 1, PAYLOAD_MAX];
        for (id, len) in (1..).zip(lengths.into_iter().cycle().take(100)) {
            ours.post(Kind::Request, id, &payload(id, len)).expect("room");
            assert_eq!(taken(&theirs), Some((id, payload(id, len))));
        }
        assert_eq!((taken(&theirs), theirs.is_empty()), (None, true));
    }

    #[test]
    fn each_frame_is_taken_once_by_the_worker_or_by_the_server() {
        let (mut ours, theirs) = inbox();
        for id in 1..=4 {
            ours.post(Kind::Request, id, b"head").expect("room");
        }
        assert_eq!((ours.front(), ours.front()), (Some(1), Some(1)));
        assert_eq!(taken(&theirs), Some((1, b"head".to_vec())));
        assert_eq!((ours.front(), ours.take_all_back()), (Some(2), vec![2, 3, 4]));
        assert_eq!((taken(&theirs), ours.front(), ours.take_all_back()), (None, None, vec![]));
        ours.post(Kind::Request, 5, b"").expect("room");
        assert_eq!(taken(&theirs), Some((5, vec![])));
    }

    #[test]
    fn a_full_inbox_says_so_and_loses_nothing() {
        for len in [0, 1, 100, 30_000] {
            let (mut ours, theirs) = inbox();
            let full = |e: io::Error| assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
            let post = |ours: &mut Sending, id| {
                let fits = ours.fits(len);
                let sent = ours.post(Kind::Request, id, &payload(id, len));
                assert_eq!(fits, sent.is_ok());
                sent
            };
            let sent = (1..).find_map(|id| post(&mut ours, id).map_err(full).err().map(|()| id));
            let sent = sent.expect("an end") - 1;
            assert_eq!(sent, WORDS as u64 / words_of(len));
            assert_eq!(taken(&theirs), Some((1, payload(1, len))));
            post(&mut ours, sent + 1).expect("room for one");
            assert_eq!(ours.take_all_back(), (2..=sent + 1).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_payload_longer_than_a_frame_is_refused() {
        let (mut ours, _theirs) = inbox();
        let refused = ours.post(Kind::Request, 1, &vec![0; PAYLOAD_MAX + 1]);
        assert_eq!(refused.expect_err("too long").kind(), io::ErrorKind::InvalidInput);
        assert_eq!(ours.front(), None);
    }

    #[test]
    fn who_sleeps_is_woken_once() {
        let (mut ours, theirs) = inbox();
        let mut post = |id| ours.post(Kind::Request, id, b"").expect("room");
        assert!(!post(1));
        assert!(!theirs.sleeps(), "something is there");
        assert_eq!(taken(&theirs).map(|(id, _)| id), Some(1));
        assert!(theirs.sleeps());
        assert_eq!((post(2), post(3)), (true, false));
        theirs.wakes();
        assert!(!post(4));
    }

    #[test]
    fn a_worker_that_breaks_its_inbox_has_all_that_was_in_it() {
        for nonsense in [1, 2, 100, u64::MAX] {
            let (mut ours, theirs) = inbox();
            ours.post(Kind::Request, 1, &[0; 50]).expect("room");
            ours.post(Kind::Request, 2, b"").expect("room");
            theirs.shared.head.0.store(nonsense, Ordering::Relaxed);
            assert_eq!((ours.front(), ours.take_all_back()), (None, vec![]), "{nonsense}");
            assert!(ours.is_broken() && !ours.fits(0));
            let sent = ours.post(Kind::Request, 3, b"").map_err(|e| e.kind());
            assert_eq!(sent, Err(io::ErrorKind::InvalidData), "{nonsense}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for (word, expected) in [
            (99, FrameError::Kind(99)),
            (u64::MAX << 32 | Kind::Request as u64, FrameError::Overrun(2)),
            (1 << 32 | Kind::Request as u64, FrameError::Overrun(2)),
        ] {
            let (mut ours, theirs) = inbox();
            ours.post(Kind::Request, 1, b"").expect("room");
            theirs.shared.word(0).store(word, Ordering::Relaxed);
            assert_eq!(theirs.take(&mut Vec::new()), Err(expected));
        }
    }

    #[test]
    fn memory_of_another_size_is_no_inbox() {
        let memory = create().expect("memory");
        let refused = Taking::open(&memory).expect_err("no inbox");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn it_cannot_be_cut_off() {
        let (_ours, theirs) = Sending::new().expect("memory");
        assert_eq!(rustix::fs::ftruncate(&theirs, 0), Err(Errno::PERM));
    }

    /// A payload whose length is its frame's own.
    fn some(id: u64) -> Vec<u8> {
        payload(id, [0, 300, 8, 77, 1000][id.to_le_bytes()[0] as usize % 5])
    }

    /// A worker that takes what comes, and sleeps until `bell` says that there is more, or no
    /// more; the ids of what it took.
    fn live(theirs: &Taking, bell: &Receiver<()>) -> Vec<u64> {
        let mut had = Vec::new();
        let mut is_over = false;
        while !is_over {
            while let Some((id, got)) = taken(theirs) {
                assert_eq!(got, some(id));
                had.push(id);
            }
            if theirs.sleeps() {
                is_over = bell.recv().is_err() && theirs.is_empty();
                theirs.wakes();
            }
        }
        had
    }

    /// Sends a frame, as soon as there is room, and wakes the worker if it sleeps.
    fn send(ours: &mut Sending, bell: &Sender<()>, id: u64) {
        let is_asleep = loop {
            match ours.post(Kind::Request, id, &some(id)) {
                Ok(is_asleep) => break is_asleep,
                Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
            }
            thread::yield_now();
        };
        if is_asleep {
            bell.send(()).expect("the worker lives");
        }
    }

    /// Waits until the worker has taken all; one that was not woken never does.
    fn is_emptied(ours: &mut Sending) {
        let until = Instant::now() + Duration::from_secs(20);
        while ours.front().is_some() {
            assert!(Instant::now() < until, "the worker sleeps over a frame");
            thread::yield_now();
        }
    }

    #[test]
    fn nothing_is_lost_or_doubled_between_two_that_take() {
        const COUNT: u64 = 30_000;
        let (mut ours, theirs) = inbox();
        let (bell, rings) = channel();
        let worker = thread::spawn(move || live(&theirs, &rings));
        let mut back = Vec::new();
        for id in 1..=COUNT {
            send(&mut ours, &bell, id);
            if id % 7 == 0 {
                back.extend(ours.take_all_back());
            }
            if id % 3 == 0 {
                is_emptied(&mut ours);
            }
        }
        drop(bell);
        let had = worker.join().expect("a worker");
        assert!(had.is_sorted() && back.is_sorted());
        let mut all = [had, back].concat();
        all.sort_unstable();
        assert_eq!(all, (1..=COUNT).collect::<Vec<_>>());
    }
}
