//! All VMs, a row each: which, in which order, and which is chosen.

use clap::ValueEnum;

use super::typed::Key;
use crate::cli::render::SampleColumn;
use crate::manager::VmSample;
use crate::model::{Uuid, VmState};

/// The overview.
#[derive(Debug, Default)]
pub struct Overview {
    vms: Vec<VmSample>,
    /// The rows that are shown, as numbers of `vms`.
    rows: Vec<usize>,
    sort: Option<SampleColumn>,
    reversed: bool,
    filter: String,
    typing: bool,
    /// The UUID of the chosen VM.
    chosen: Option<Uuid>,
    /// Its row.
    cursor: usize,
    /// The first row on the screen.
    pub offset: usize,
    /// How many rows fitted on the screen.
    pub height: usize,
    /// Whether there was a first poll.
    pub is_loaded: bool,
}

/// What a key asks for that the overview can't do by itself.
#[derive(Debug, PartialEq, Eq)]
pub enum OverviewAction {
    /// A VM's page.
    Open(String),
    /// Those that are shut off, too, or no more.
    Off,
    /// Help.
    Help,
    /// To end.
    Quit,
    /// Nothing.
    Nothing,
}

/// What all VMs come to.
pub struct Totals {
    /// The VMs that are shown.
    pub vms: usize,
    /// Those of them that run.
    pub running: usize,
    /// Their CPU time, of one host CPU.
    pub cpu_percent: f64,
}

impl Overview {
    /// Without VMs yet.
    pub fn sorted_by(sort: SampleColumn) -> Self {
        Self { sort: Some(sort), ..Self::default() }
    }

    /// Takes over the result of a poll.
    pub fn update(&mut self, vms: Vec<VmSample>) {
        self.vms = vms;
        self.is_loaded = true;
        self.arrange();
    }

    /// The VM of a row.
    pub fn row(&self, row: usize) -> Option<&VmSample> {
        self.vms.get(*self.rows.get(row)?)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row that is chosen.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// What the rows are sorted by.
    pub fn sort(&self) -> SampleColumn {
        self.sort.unwrap_or(SampleColumn::Cpu)
    }

    /// Whether the order is turned.
    pub fn is_reversed(&self) -> bool {
        self.reversed
    }

    /// What the names must hold, and whether it is being typed.
    pub fn filter(&self) -> (&str, bool) {
        (&self.filter, self.typing)
    }

    /// The sums of the rows.
    pub fn totals(&self) -> Totals {
        let vms = || self.rows.iter().filter_map(|number| self.vms.get(*number));
        Totals {
            vms: self.rows.len(),
            running: vms().filter(|vm| vm.state == VmState::Running).count(),
            cpu_percent: vms().filter_map(|vm| vm.cpu_percent).sum(),
        }
    }

    /// Does what the key says.
    pub fn key(&mut self, key: Key) -> OverviewAction {
        if self.typing && self.type_key(key) {
            return OverviewAction::Nothing;
        }
        let page = self.height.max(1);
        match key {
            Key::Up | Key::Char('k') => self.choose(self.cursor.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.choose(self.cursor + 1),
            Key::PageUp => self.choose(self.cursor.saturating_sub(page)),
            Key::PageDown => self.choose(self.cursor + page),
            Key::Home | Key::Char('g') => self.choose(0),
            Key::End | Key::Char('G') => self.choose(usize::MAX),
            Key::Char('<') => self.sort_beside(-1),
            Key::Char('>') => self.sort_beside(1),
            Key::Char('R') => {
                self.reversed = !self.reversed;
                self.arrange();
            }
            Key::Char('/') => self.typing = true,
            Key::Escape => self.filter_by(String::new()),
            Key::Enter => {
                return self
                    .row(self.cursor)
                    .map_or(OverviewAction::Nothing, |vm| OverviewAction::Open(vm.name.clone()));
            }
            Key::Char('a') => return OverviewAction::Off,
            Key::Char('?') => return OverviewAction::Help,
            Key::Char('q') => return OverviewAction::Quit,
            Key::Char(letter) => {
                if let Some(column) = SampleColumn::value_variants().iter().find(|one| one.key() == letter) {
                    self.sort_by(*column);
                }
            }
            _ => {}
        }
        OverviewAction::Nothing
    }

    /// Whether the key was one for the filter.
    fn type_key(&mut self, key: Key) -> bool {
        let mut filter = self.filter.clone();
        match key {
            Key::Char(letter) => filter.push(letter),
            Key::Backspace => drop(filter.pop()),
            Key::Enter | Key::Escape => self.typing = false,
            _ => return false,
        }
        self.filter_by(if key == Key::Escape { String::new() } else { filter });
        true
    }

    fn filter_by(&mut self, filter: String) {
        self.filter = filter;
        self.arrange();
    }

    fn sort_by(&mut self, column: SampleColumn) {
        self.sort = Some(column);
        self.arrange();
    }

    fn sort_beside(&mut self, step: isize) {
        let columns = SampleColumn::value_variants();
        let at = columns.iter().position(|column| *column == self.sort()).unwrap_or(0);
        let beside = (at as isize + step).rem_euclid(columns.len() as isize) as usize;
        self.sort_by(columns[beside]);
    }

    fn choose(&mut self, row: usize) {
        self.cursor = row.min(self.rows.len().saturating_sub(1));
        self.chosen = self.row(self.cursor).map(|vm| vm.uuid);
    }

    /// Filters and sorts. The chosen VM stays chosen wherever it comes to stand; when it has gone, its row does.
    fn arrange(&mut self) {
        let wanted = self.filter.to_lowercase();
        let shown = |vm: &VmSample| wanted.is_empty() || vm.name.to_lowercase().contains(&wanted);
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        rows.extend((0..self.vms.len()).filter(|number| shown(&self.vms[*number])));
        let (sort, reversed) = (self.sort(), self.reversed);
        rows.sort_unstable_by(|a, b| {
            let (a, b) = (&self.vms[*a], &self.vms[*b]);
            if !reversed {
                return sort.order(a, b);
            }
            // What isn't known comes last all the same.
            sort.is_known(b).cmp(&sort.is_known(a)).then_with(|| sort.order(b, a))
        });
        self.rows = rows;
        let of = |uuid: Uuid| (0..self.rows.len()).find(|row| self.vms[self.rows[*row]].uuid == uuid);
        match self.chosen.and_then(of) {
            Some(row) => self.cursor = row,
            None => {
                self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
                // Nobody has chosen yet: the first row is, whichever VM that is.
                self.chosen = self.chosen.and_then(|_| self.row(self.cursor).map(|vm| vm.uuid));
            }
        }
    }
}
