//! Cells that use pools of threads, for the tests of what becomes of these after a restore. Compiled by the tests.
#![allow(clippy::all, unused, missing_docs)]

use oxikale_host::{Flow, Variables};
use rayon::prelude::*;
use std::time::Duration;

#[unsafe(no_mangle)]
pub fn sum_in_parallel(v: &mut Variables) -> Flow {
    let sum: u64 = (0..100_000u64).into_par_iter().map(|x| x % 7).sum();
    println!("{sum}");
    let (left, right) = rayon::join(|| 1, || 2);
    println!("{left} {right}");
    let mut order: Vec<u32> = (0..10_000).rev().collect();
    order.par_sort();
    println!("{}", order[1]);
    Flow::Done
}

#[unsafe(no_mangle)]
pub fn await_tasks(v: &mut Variables) -> Flow {
    oxikale_host::block_on(async {
        let tasks: Vec<_> = (0..8)
            .map(|index| {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    index
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        println!("{sum}");
    });
    Flow::Done
}

#[unsafe(no_mangle)]
pub fn abort(v: &mut Variables) -> Flow {
    std::process::abort()
}

#[unsafe(no_mangle)]
pub fn overflow(v: &mut Variables) -> Flow {
    println!("{}", bottomless(1));
    Flow::Done
}

#[inline(never)]
fn bottomless(level: u64) -> u64 {
    let block = std::hint::black_box([level; 100]);
    bottomless(level + 1) + block[3]
}

#[unsafe(no_mangle)]
pub fn panic_in_parallel(v: &mut Variables) -> Flow {
    (0..1000u64).into_par_iter().for_each(|x| assert!(x != 777, "seven hundred seventy-seven"));
    Flow::Done
}
