//! Colours and icons of SVG drawings.

use super::status::State;

/// Which colours a drawing has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Those that the viewer prefers.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// Those of the JupyterLab page that the drawing is part of; dark on light on other pages.
    Jupyter,
}

/// The colours of one theme, as CSS writes them.
struct Palette {
    page: &'static str,
    fill: &'static str,
    border: &'static str,
    name: &'static str,
    detail: &'static str,
    edge: &'static str,
    /// Of the icons.
    sign: &'static str,
    states: [&'static str; 7],
}

const LIGHT: Palette = Palette {
    page: "#ffffff",
    fill: "#f6f8fa",
    border: "#c4ccd6",
    name: "#1f2328",
    detail: "#59636e",
    edge: "#8893a0",
    sign: "#ffffff",
    states: ["#7d8794", "#0969da", "#1a7f37", "#cf222e", "#6e6aa8", "#9a6700", "#1b7c83"],
};

const DARK: Palette = Palette {
    page: "#0d1117",
    fill: "#1b212b",
    border: "#3d4653",
    name: "#e6edf3",
    detail: "#9aa6b2",
    edge: "#6f7a87",
    sign: "#0d1117",
    states: ["#8b949e", "#58a6ff", "#3fb950", "#ff7b72", "#a5a0e0", "#d29922", "#39c5cf"],
};

/// Colours of states that can be told from JupyterLab's light and dark pages.
const JUPYTER: Palette = Palette {
    page: "var(--jp-layout-color0,#ffffff)",
    fill: "var(--jp-layout-color1,#f6f8fa)",
    border: "var(--jp-border-color1,#c4ccd6)",
    name: "var(--jp-ui-font-color1,#1f2328)",
    detail: "var(--jp-ui-font-color2,#59636e)",
    edge: "var(--jp-ui-font-color3,#8893a0)",
    sign: "#ffffff",
    states: ["#7d8794", "#2f81f7", "#2c974b", "#e5484d", "#8580c4", "#b07d12", "#1b8f96"],
};

/// The rules of a theme; every class starts with `ox-`, so that they touch nothing else on a page.
pub(super) fn style(theme: Theme) -> String {
    let mut css = String::from(
        ".ox-name,.ox-label{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}\
         .ox-name{font-size:13px;font-weight:600}.ox-label{font-size:11px}\
         .ox-detail{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:11px}\
         .ox-name,.ox-detail,.ox-label{text-anchor:middle;unicode-bidi:isolate}\
         .ox-box{stroke-width:1.25}.ox-edge{fill:none;stroke-width:1.5}.ox-order{stroke-dasharray:5 4}\
         .ox-sign{fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}\
         .ox-pending .ox-box,.ox-skipped .ox-box{stroke-dasharray:4 3}\
         @keyframes ox-pulse{50%{stroke-opacity:.25}}\
         @media (prefers-reduced-motion:no-preference){.ox-running .ox-box{animation:ox-pulse 1.6s ease-in-out infinite}}",
    );
    match theme {
        Theme::Light => css.push_str(&colours(&LIGHT)),
        Theme::Dark => css.push_str(&colours(&DARK)),
        Theme::Jupyter => css.push_str(&colours(&JUPYTER)),
        Theme::Auto => {
            css.push_str(&colours(&LIGHT));
            css.push_str("@media (prefers-color-scheme:dark){");
            css.push_str(&colours(&DARK));
            css.push('}');
        }
    }
    css
}

fn colours(palette: &Palette) -> String {
    let Palette { page, fill, border, name, detail, edge, sign, states } = palette;
    let mut css = format!(
        ".ox-page,.ox-pill{{fill:{page}}}.ox-box{{fill:{fill};stroke:{border}}}.ox-name{{fill:{name}}}\
         .ox-detail,.ox-label{{fill:{detail}}}.ox-edge{{stroke:{edge}}}.ox-head{{fill:{edge}}}.ox-sign{{stroke:{sign}}}"
    );
    for (state, colour) in State::ALL.into_iter().zip(states) {
        let state = state.name();
        css.push_str(&format!(".ox-{state} .ox-box{{stroke:{colour}}}.ox-{state} .ox-dot{{fill:{colour}}}"));
    }
    css
}

/// The sign of a state in a circle of radius 8 around 0 0, as path data.
pub(super) fn sign(state: State) -> &'static str {
    match state {
        State::Pending => "M0-4V0L3 2",
        State::Running => "M-2.2-3.6L3.6 0L-2.2 3.6Z",
        State::Succeeded => "M-3.6.2L-1 2.8L3.7-2.6",
        State::Failed => "M-3-3L3 3M3-3L-3 3",
        State::Skipped => "M-3.6-3L-.4 0L-3.6 3M.6-3L3.8 0L.6 3",
        State::Cancelled => "M-2.6-2.6H2.6V2.6H-2.6Z",
        State::Reused => "M3.2-1.4A3.5 3.5 0 1 0 3.4 1.2M3.4-4V-1.4H.8",
    }
}
