//! Gives a variable another value: the user asks for it, so the program's own `__setitem__` and setters count.

use ikpdb_proto::{Failure, dap};
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::attributes::{Attribute, attributes, class_with};
use super::children::Describe;
use super::data::{entries, find_entry, list_size, text_is};
use super::exceptions;
use super::handles::{Handles, Place, What};
use super::locals::{self, Shape};
use super::native::{Any, NoCollection, is_exactly, slot, take};
use super::render_container::{is_changeable, size};
use super::types::{Items, Kind, Types};

/// Evaluates an expression with the names of a frame, or the globals of `__main__`.
pub(crate) type Evaluate<'a> =
    dyn FnMut(Python<'_>, &str, Option<&Bound<'_, PyAny>>) -> Result<Py<PyAny>, Failure> + 'a;

/// How many entries of a dict are looked through for one that was not listed before.
const SEARCHED: usize = 100_000;

type SetAttribute = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> std::ffi::c_int;

/// Where a value goes.
enum Goal<'py> {
    Local { frame: Any<'py>, name: Any<'py> },
    Entry { dict: Any<'py>, key: Any<'py> },
    Item { sequence: Any<'py>, index: usize },
    Attribute { object: Any<'py>, name: Any<'py> },
    ClassAttribute { class: Any<'py>, name: Any<'py> },
}

/// Answers `setVariable`.
pub(super) fn set_variable(
    py: Python<'_>,
    handles: &mut Handles,
    arguments: &dap::SetVariableArguments,
    evaluate: &mut Evaluate<'_>,
) -> Result<dap::SetVariableBody, Failure> {
    let mut reference = arguments.variables_reference;
    while let What::Rest { of, .. } = handles.place(reference)?.what {
        reference = of;
    }
    let place = handles.place(reference)?;
    let frame = place.frame(py);
    let goal = {
        let _quiet = NoCollection::new(py);
        goal(py, place, &arguments.name)?
    };
    let value = evaluate(py, &arguments.value, frame.as_ref())?.into_bound(py);
    goal.set(&value)?;
    let _quiet = NoCollection::new(py);
    let mut describe = Describe { handles, types: Types::default(), frame };
    let variable = describe.variable(arguments.name.clone(), &value, None);
    Ok(dap::SetVariableBody {
        value: variable.value,
        type_: variable.type_,
        variables_reference: Some(variable.variables_reference),
        named_variables: variable.named_variables,
        indexed_variables: variable.indexed_variables,
    })
}

/// Finds what a name stands for, and whether it can be set at all, before anything is evaluated.
fn goal<'py>(py: Python<'py>, place: &Place, name: &str) -> Result<Goal<'py>, Failure> {
    if let Some(reason) = place.read_only {
        return Err(Failure::user(reason));
    }
    let missing = || Failure::user(format!("there is no '{name}' here"));
    match &place.what {
        What::Locals => {
            let frame = place.frame(py).ok_or_else(missing)?;
            if matches!(locals::shape(&frame), Shape::Foreign(_)) {
                return Err(Failure::user("this namespace is not a dict: change it by an expression in the console"));
            }
            let found = locals::values(&frame).into_iter().find(|(it, _)| text_is(it, name));
            found.map(|(name, _)| Goal::Local { frame, name }).ok_or_else(missing)
        }
        What::Globals => {
            let dict = place.frame(py).and_then(|it| locals::globals(&it)).ok_or_else(missing)?;
            find_entry(&dict, name).map(|(key, _)| Goal::Entry { dict, key }).ok_or_else(missing)
        }
        What::ClassVariables(object) => {
            let object = object.bind(py);
            let class = class_with(&mut Types::default(), &object, name).ok_or_else(missing)?;
            Ok(Goal::ClassAttribute { class, name: PyString::new(py, name).into_any() })
        }
        What::Lazy { object, .. } => {
            Ok(Goal::Attribute { object: object.bind(py), name: PyString::new(py, name).into_any() })
        }
        What::Value(object) => child(&object.bind(py), place, name),
        What::Rest { .. } => Err(missing()),
    }
}

fn child<'py>(object: &Any<'py>, place: &Place, name: &str) -> Result<Goal<'py>, Failure> {
    let py = object.py();
    let mut types = Types::default();
    let facts = types.of(object);
    let object = object.clone();
    let refusal = || {
        let name = match facts.items {
            Items::Tuple => "tuple",
            Items::Set => "set",
            _ => &facts.name,
        };
        Failure::user(format!("a {name} cannot be changed"))
    };
    if facts.items == Items::Dict
        && let Some(key) = place.key(py, name).or_else(|| search(&mut types, &object, name))
    {
        return if is_changeable(&facts, &object) { Ok(Goal::Entry { dict: object, key }) } else { Err(refusal()) };
    }
    let index = facts.fields.iter().position(|it| it == name).filter(|_| facts.kind == Kind::NamedTuple);
    if let Some(index) = index.or_else(|| name.parse().ok()).filter(|index| *index < size(&facts, &object)) {
        return if is_changeable(&facts, &object) {
            Ok(Goal::Item { sequence: object, index })
        } else {
            Err(refusal())
        };
    }
    let attribute = attributes(&mut types, &object).into_iter().find(|it| match it {
        Attribute::Keyed { key, .. } => text_is(key, name),
        Attribute::Named { name: other, .. } | Attribute::Lazy { name: other } => other == name,
        Attribute::ClassVariables => false,
    });
    let name = match attribute {
        Some(Attribute::Keyed { key, .. }) => key,
        Some(_) => PyString::new(py, name).into_any(),
        None => return Err(Failure::user(format!("there is no '{name}' here"))),
    };
    Ok(if facts.kind == Kind::Class {
        Goal::ClassAttribute { class: object, name }
    } else {
        Goal::Attribute { object, name }
    })
}

/// Finds the key of an entry by how it is shown.
fn search<'py>(types: &mut Types<'py>, dict: &Any<'py>, name: &str) -> Option<Any<'py>> {
    entries(dict, 0)
        .take(SEARCHED)
        .find(|(key, _)| super::render::line_within(types, key, super::children::KEY) == name)
        .map(|(key, _)| key)
}

impl Goal<'_> {
    fn set(&self, value: &Any<'_>) -> Result<(), Failure> {
        let py = value.py();
        // SAFETY: live objects; each function takes its own references and reports an error by its answer.
        let outcome = unsafe {
            match self {
                Self::Local { frame, name } => return locals::set(frame, name, value),
                Self::Entry { dict, key } if is_exactly(dict, &raw mut ffi::PyDict_Type) => {
                    ffi::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr())
                }
                Self::Entry { dict, key } => ffi::PyObject_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr()),
                Self::Item { sequence, index } if is_exactly(sequence, &raw mut ffi::PyList_Type) => {
                    // The expression may have made the list shorter.
                    if *index >= list_size(sequence) {
                        return Err(Failure::user("the list has become shorter"));
                    }
                    ffi::PyList_SetItem(sequence.as_ptr(), index.cast_signed(), value.clone().into_ptr())
                }
                Self::Item { sequence, index } => {
                    ffi::PySequence_SetItem(sequence.as_ptr(), index.cast_signed(), value.as_ptr())
                }
                // As `object.__setattr__`: a property's setter runs, a `__setattr__` that forbids does not.
                Self::Attribute { object, name } => {
                    ffi::PyObject_GenericSetAttr(object.as_ptr(), name.as_ptr(), value.as_ptr())
                }
                Self::ClassAttribute { class, name } => {
                    let kind = Bound::from_borrowed_ptr(py, (&raw mut ffi::PyType_Type).cast());
                    let set = slot(&kind, ffi::Py_tp_setattro)
                        .ok_or_else(|| Failure::internal("'type' has no function to set attributes"))?;
                    let set = std::mem::transmute::<*mut std::ffi::c_void, SetAttribute>(set);
                    set(class.as_ptr(), name.as_ptr(), value.as_ptr())
                }
            }
        };
        if outcome == 0 { Ok(()) } else { Err(Failure::user(raised(py))) }
    }
}

/// Takes the exception that was raised, as one line.
pub(super) fn raised(py: Python<'_>) -> String {
    let (mut class, mut value, mut traceback) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the three references become ours.
    let (_class, value, _traceback) = unsafe {
        ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut traceback);
        ffi::PyErr_NormalizeException(&raw mut class, &raw mut value, &raw mut traceback);
        (take(py, class), take(py, value), take(py, traceback))
    };
    let _quiet = NoCollection::new(py);
    value.map_or_else(|| "it failed".to_owned(), |it| exceptions::line(&mut Types::default(), &it))
}
