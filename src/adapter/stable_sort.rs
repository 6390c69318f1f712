//! A stable sort that makes the same comparisons as Go's.
//!
//! Two of Caddy's orders are no orders: their `less` answers true both ways. What comes
//! out then depends on which items are compared, so equal output needs an equal sort.
//! (`sort.SliceStable`: insertion sort of runs of 20, merged in place as in Kim and
//! Kutzner, "Stable Minimum Storage Merging by Symmetric Comparisons", 2004.)

const RUN: usize = 20;

/// Sorts `items`; `less` says whether the first comes before the second.
pub(super) fn stable_sort<T>(items: &mut [T], less: impl Fn(&T, &T) -> bool) {
    let len = items.len();
    for run in items.chunks_mut(RUN) {
        insertion_sort(run, &less);
    }
    let mut size = RUN;
    while size < len {
        let mut start = 0;
        while start + size < len {
            merge(items, start, start + size, len.min(start + 2 * size), &less);
            start += 2 * size;
        }
        size *= 2;
    }
}

fn insertion_sort<T>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    for i in 1..items.len() {
        let mut j = i;
        while j > 0 && less(&items[j], &items[j - 1]) {
            items.swap(j, j - 1);
            j -= 1;
        }
    }
}

/// Merges the sorted `items[start..middle]` and `items[middle..end]`.
fn merge<T>(
    items: &mut [T],
    start: usize,
    middle: usize,
    end: usize,
    less: &impl Fn(&T, &T) -> bool,
) {
    if middle - start == 1 {
        let to = partition(middle, end, |i| less(&items[i], &items[start]));
        items[start..to].rotate_left(1);
        return;
    }
    if end - middle == 1 {
        let to = partition(start, middle, |i| !less(&items[middle], &items[i]));
        items[to..=middle].rotate_right(1);
        return;
    }
    let centre = usize::midpoint(start, end);
    let sum = centre + middle;
    let (low, high) = if middle > centre { (sum - end, centre) } else { (start, middle) };
    let cut = partition(low, high, |i| !less(&items[sum - 1 - i], &items[i]));
    let far = sum - cut;
    if cut < middle && middle < far {
        items[cut..far].rotate_left(middle - cut);
    }
    if start < cut && cut < centre {
        merge(items, start, cut, centre, less);
    }
    if centre < far && far < end {
        merge(items, centre, far, end, less);
    }
}

/// The first index in `low..high` for which `before` is false, by halving.
fn partition(mut low: usize, mut high: usize, before: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let half = usize::midpoint(low, high);
        if before(half) {
            low = half + 1;
        } else {
            high = half;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sorts_and_keeps_the_order_of_equals() {
        let mut seed = 7_u32;
        let mut items = Vec::new();
        for index in 0..500 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            items.push((seed >> 27, index));
        }
        let mut expected = items.clone();
        expected.sort();
        stable_sort(&mut items, |a, b| a.0 < b.0);
        assert_eq!(items, expected);
    }

    #[test]
    fn what_is_always_less_is_reversed() {
        let mut items = [1, 2, 3, 4];
        stable_sort(&mut items, |_, _| true);
        assert_eq!(items, [4, 3, 2, 1]);
    }
}
