//! Trailing expressions of every kind.

use std::rc::Rc;

use oxikale::display::{Display, MimeBundle};
use oxikale::step::Step;
use oxikale::step_show;

struct Plain;

struct Plot(&'static str);

impl Plot {
    pub fn evcxr_display(&self) {
        println!("before");
        println!("EVCXR_BEGIN_CONTENT text/html\n<p>{}</p>\nEVCXR_END_CONTENT", self.0);
        println!("EVCXR_BEGIN_CONTENT image/png\naGVsbG8=\nEVCXR_END_CONTENT");
        println!("after");
    }
}

#[derive(Debug)]
struct Both;

impl Both {
    pub fn evcxr_display(&self) -> u8 {
        print!("EVCXR_BEGIN_CONTENT text/html\n<p>both</p>\nEVCXR_END_CONTENT\n");
        1
    }
}

#[derive(Debug)]
struct Own;

impl Own {
    pub fn evcxr_display(&self) {
        panic!("`Display` comes first");
    }
}

impl Display for Own {
    fn mime_bundle(&self) -> MimeBundle {
        MimeBundle::new().with("text/plain", "own")
    }
}

trait Foreign {
    fn evcxr_display(&self);
}

struct ByTrait;

impl Foreign for ByTrait {
    fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/html\n<p>by trait</p>\nEVCXR_END_CONTENT");
    }
}

#[derive(Debug)]
struct Silent;

impl Silent {
    pub fn evcxr_display(&self) {}
}

struct Bad;

impl std::fmt::Debug for Bad {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Err(std::fmt::Error)
    }
}

#[allow(unreachable_code, unused_variables, clippy::diverging_sub_expression)]
fn never(step: &Step) {
    step_show!(step, false, return);
}

pub fn run(step: &Step) {
    step_show!(step, false, 1 + 1);
    step_show!(step, false, 2.5);
    step_show!(step, false, -3);
    step_show!(step, false, "text");
    let text = String::from("owned");
    step_show!(step, false, text);
    step_show!(step, false, &text);
    step_show!(step, false, &&text);
    step_show!(step, false, *text);
    step_show!(step, false, text[1..]);
    assert_eq!(text, "owned");
    step_show!(step, false, ());
    step_show!(step, false, if text.is_empty() { 1 } else { 2 });
    step_show!(step, false, for _ in 0..2 {});
    step_show!(step, false, println!("a call"));
    never(step);
    step_show!(step, false, Plain);
    step_show!(step, false, |x: i32| x + 1);
    step_show!(step, false, Plot("value"));
    step_show!(step, false, &Plot("reference"));
    step_show!(step, false, &&Plot("double reference"));
    step_show!(step, false, &mut Plot("mutable"));
    step_show!(step, false, Box::new(Plot("boxed")));
    step_show!(step, false, Rc::new(Plot("counted")));
    step_show!(step, false, Both);
    step_show!(step, false, Own);
    step_show!(step, false, &Own);
    step_show!(step, false, Rc::new(Own));
    step_show!(step, false, ByTrait);
    step_show!(step, false, Silent);
    step_show!(step, false, Bad);
    step_show!(step, false, Some(1));
    step_show!(step, false, vec![1, 2, 3]);
    step_show!(step, false, vec![0_u8; 100_000]);
    step_show!(step, false, ndarray::array![[1.0, 2.0]]);
    let list: Vec<Box<dyn std::fmt::Debug>> = vec![Box::new(1)];
    step_show!(step, false, list[0]);
    step_show!(step, false, std::sync::Mutex::new(5).lock().unwrap());
    step_show!(step, false, oxikale::display::svg("<svg onload='alert(1)'/>"));
    step_show!(step, false, oxikale::display::markdown("*mark*"));
    step_show!(step, true, oxikale::display::html("<b>last</b>").with_text("last"));
}
