//! Finds the value of a name, attribute or item without running a line of the program's code; what only its code could
//! tell is refused.

use ikpdb_proto::Failure;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple};

use super::data::{
    code_points, dict_size, entries, find, list_item, list_size, sequence_item, sequence_size, text_length, tuple_item,
    tuple_size,
};
use super::expression::{Key, Path, Step, parse};
use super::locals::{self, Shape};
use super::native::{
    Any, bases_in_order, class_address, class_dict, class_of, instance_dict, is_a, is_audited, is_class, is_exactly,
    is_native, own_attribute, read_descriptor, slot, small_int, take,
};
use super::types::{Facts, Kind, Types, module_name, type_name};

/// The largest dict that is looked through: by its hash a key cannot be found without asking the program's keys.
const LARGEST_DICT: usize = 5_000_000;
/// How deep tuples in keys may lie.
const KEY_DEPTH: usize = 5;

/// Looks an expression up with the names of a frame, or those of `__main__`.
pub(super) fn look_up<'py>(py: Python<'py>, text: &str, frame: Option<&Any<'py>>) -> Result<Any<'py>, Failure> {
    let path = parse(text).ok_or_else(|| {
        Failure::user("only names, attributes and items are looked up: anything else would run code of the program")
    })?;
    Lookup { py, types: Types::default(), frame: frame.cloned() }.path(&path)
}

struct Lookup<'py> {
    py: Python<'py>,
    types: Types<'py>,
    frame: Option<Any<'py>>,
}

fn computed(name: &str) -> Failure {
    Failure::user(format!("'{name}' is computed by code of the program, which is not run to look at it"))
}

impl<'py> Lookup<'py> {
    fn path(&mut self, path: &Path) -> Result<Any<'py>, Failure> {
        let mut value = self.name(&path.name)?;
        for step in &path.steps {
            value = match step {
                Step::Attribute(name) => self.attribute(&value, name)?,
                Step::Item(key) => {
                    let key = self.key(key)?;
                    self.item(&value, &key)?
                }
            };
        }
        Ok(value)
    }

    fn name(&self, name: &str) -> Result<Any<'py>, Failure> {
        let globals = match &self.frame {
            Some(frame) => {
                if matches!(locals::shape(frame), Shape::Foreign(_)) {
                    return Err(computed(name));
                }
                let is_it = |it: &(Any<'py>, Any<'py>)| super::data::text_is(&it.0, name);
                if let Some((_, value)) = locals::values(frame).into_iter().find(is_it) {
                    return Ok(value);
                }
                locals::globals(frame)
            }
            None => main_globals(self.py),
        };
        let found = globals.and_then(|globals| {
            find(&globals, name).or_else(|| {
                let builtins = find(&globals, "__builtins__")?;
                let is_module = is_a(&builtins, &raw mut ffi::PyModule_Type);
                find(&if is_module { instance_dict(&builtins)? } else { builtins }, name)
            })
        });
        found.ok_or_else(|| Failure::user(format!("name '{name}' is not defined")))
    }

    /// As `object.__getattribute__` and its kin for classes and modules look for it.
    fn attribute(&mut self, value: &Any<'py>, name: &str) -> Result<Any<'py>, Failure> {
        let facts = self.types.of(value);
        if !decided_by_the_interpreter(&facts, value) {
            return Err(computed(name));
        }
        let of_class = class_attribute(facts.order(), name);
        if let Some((owner, descriptor)) = &of_class
            && has_slot(descriptor, ffi::Py_tp_descr_set)
        {
            return self.data_descriptor(&facts, value, owner, descriptor, name);
        }
        if is_class(value) {
            if let Some((_, found)) = class_attribute(&bases_in_order(value), name) {
                return bound(&found, None, value).ok_or_else(|| computed(name));
            }
        } else if let Some(found) = instance_dict(value).and_then(|dict| find(&dict, name)) {
            return Ok(found);
        }
        if let Some((_, found)) = of_class {
            return bound(&found, Some(value), &facts.class).ok_or_else(|| computed(name));
        }
        let is_module = facts.kind == Kind::Module;
        let asks = |dict: Any<'py>| find(&dict, "__getattr__").is_some();
        if class_attribute(facts.order(), "__getattr__").is_some()
            || is_module && instance_dict(value).is_some_and(asks)
        {
            return Err(computed(name));
        }
        Err(missing(&facts, value, name))
    }

    /// What decides over the instance's own dict: a slot, a field of a structure in C, a property.
    fn data_descriptor(
        &self,
        facts: &Facts<'py>,
        value: &Any<'py>,
        owner: &Any<'py>,
        descriptor: &Any<'py>,
        name: &str,
    ) -> Result<Any<'py>, Failure> {
        if is_exactly(descriptor, &raw mut ffi::PyMemberDescr_Type) && !is_audited(descriptor) {
            return read_descriptor(descriptor, value).ok_or_else(|| missing(facts, value, name));
        }
        if is_exactly(descriptor, &raw mut ffi::PyGetSetDescr_Type) && only_reads(owner, name) {
            return read_descriptor(descriptor, value).ok_or_else(|| computed(name));
        }
        if facts.kind == Kind::NamedTuple
            && is_native(&class_of(descriptor))
            && let Some(index) = facts.fields.iter().position(|it| it == name)
        {
            return tuple_item(value, index).ok_or_else(|| missing(facts, value, name));
        }
        // The two properties that every member of an enumeration has.
        if facts.kind == Kind::Enum && matches!(name, "name" | "value") && module_name(owner) == "enum" {
            let kept = instance_dict(value).and_then(|dict| find(&dict, &format!("_{name}_")));
            return kept.ok_or_else(|| computed(name));
        }
        Err(computed(name))
    }

    fn item(&mut self, value: &Any<'py>, key: &Any<'py>) -> Result<Any<'py>, Failure> {
        let facts = self.types.of(value);
        let owner = class_attribute(facts.order(), "__getitem__").map(|it| it.0);
        let is = |class: *mut ffi::PyTypeObject| owner.as_ref().is_some_and(|it| it.as_ptr() == class.cast());
        if is(&raw mut ffi::PyDict_Type) {
            return entry(value, key);
        }
        let index = |size: usize| position(key, size);
        let found = if is(&raw mut ffi::PyList_Type) {
            list_item(value, index(list_size(value))?)
        } else if is(&raw mut ffi::PyTuple_Type) {
            tuple_item(value, index(tuple_size(value))?)
        } else if is(&raw mut ffi::PyUnicode_Type) {
            let point = code_points(value, usize::MAX).nth(index(text_length(value))?);
            // SAFETY: a new str of one code point, surrogates included.
            point.and_then(|it| unsafe { take(self.py, ffi::PyUnicode_FromOrdinal(it.cast_signed())) })
        } else if is_plain_sequence(value) {
            let at = index(sequence_size(value, &facts.class))?;
            sequence_item(value, &facts.class, at)
        } else if facts.kind == Kind::Deque && owner.as_ref().is_some_and(|it| it.is(&facts.base)) {
            sequence_item(value, &facts.base, index(sequence_size(value, &facts.base))?)
        } else {
            return Err(Failure::user(format!(
                "an item of a {} is computed by its own code, which is not run to look at it",
                facts.name
            )));
        };
        found.ok_or_else(|| Failure::user("index out of range"))
    }

    fn key(&mut self, key: &Key) -> Result<Any<'py>, Failure> {
        let py = self.py;
        Ok(match key {
            Key::None => py.None().into_bound(py),
            Key::Bool(value) => PyBool::new(py, *value).to_owned().into_any(),
            // SAFETY: a new reference.
            Key::Int(number) => unsafe { take(py, ffi::PyLong_FromLongLong(*number)) }
                .ok_or_else(|| Failure::internal("no memory for a number"))?,
            Key::Text(text) => PyString::new(py, text).into_any(),
            Key::Tuple(keys) => {
                let keys: Vec<_> = keys.iter().map(|it| self.key(it)).collect::<Result<_, _>>()?;
                PyTuple::new(py, keys).map_err(|_| Failure::internal("no memory for a tuple"))?.into_any()
            }
            Key::Path(path) => {
                let value = self.path(path)?;
                if !is_plain(&value, KEY_DEPTH) {
                    let name = &self.types.of(&value).name;
                    return Err(Failure::user(format!(
                        "a key of type {name} is compared by its own code, which is not run to look at it"
                    )));
                }
                value
            }
        })
    }
}

fn main_globals(py: Python<'_>) -> Option<Any<'_>> {
    // SAFETY: `PyImport_AddModule` borrows from `sys.modules`, and a module's dict lives with it.
    unsafe {
        let main = ffi::PyImport_AddModule(c"__main__".as_ptr());
        if main.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        super::native::hold(py, ffi::PyModule_GetDict(main))
    }
}

/// Whether attributes of `value` are looked up by the interpreter's own rules.
fn decided_by_the_interpreter(facts: &Facts<'_>, value: &Any<'_>) -> bool {
    let Some((owner, _)) = class_attribute(facts.order(), "__getattribute__") else { return false };
    if !is_native(&owner) {
        return false;
    }
    // Many types in C name the function that `object` has as their own.
    let function = slot(&owner, ffi::Py_tp_getattro);
    let same = |class: *mut ffi::PyTypeObject| {
        // SAFETY: a type that lives for ever.
        let class = unsafe { Bound::from_borrowed_ptr(value.py(), class.cast()) };
        function.is_some() && function == slot(&class, ffi::Py_tp_getattro)
    };
    if is_class(value) {
        same(&raw mut ffi::PyType_Type)
    } else {
        same(&raw mut ffi::PyBaseObject_Type) || same(&raw mut ffi::PyModule_Type)
    }
}

/// The first class that has this attribute itself, and what it has.
fn class_attribute<'py>(order: &[Any<'py>], name: &str) -> Option<(Any<'py>, Any<'py>)> {
    order.iter().find_map(|class| Some((class.clone(), find(&class_dict(class)?, name)?)))
}

fn has_slot(value: &Any<'_>, number: std::ffi::c_int) -> bool {
    slot(&class_of(value), number).is_some()
}

/// The name of the interpreter's own type that `value` is of, exactly.
fn builtin_type(value: &Any<'_>) -> Option<String> {
    let class = class_of(value);
    (is_native(&class) && module_name(&class) == "builtins").then(|| type_name(&class))
}

/// What an attribute of a class becomes when it is asked for at an instance, or at the class itself.
fn bound<'py>(found: &Any<'py>, instance: Option<&Any<'py>>, class: &Any<'py>) -> Option<Any<'py>> {
    if !has_slot(found, ffi::Py_tp_descr_get) {
        return Some(found.clone());
    }
    match (builtin_type(found)?.as_str(), instance) {
        ("function" | "method_descriptor" | "wrapper_descriptor", Some(instance)) => get(found, Some(instance), class),
        ("classmethod_descriptor", _) => get(found, instance, class),
        (
            "function" | "method_descriptor" | "wrapper_descriptor" | "property" | "member_descriptor"
            | "getset_descriptor",
            None,
        ) => Some(found.clone()),
        ("staticmethod", _) => own_attribute(found, "__func__"),
        ("classmethod", _) => {
            let function = own_attribute(found, "__func__")?;
            (builtin_type(&function)? == "function").then(|| get(&function, Some(class), &class_of(class))).flatten()
        }
        _ => None,
    }
}

/// Binds a function of the interpreter's own types.
fn get<'py>(function: &Any<'py>, instance: Option<&Any<'py>>, class: &Any<'py>) -> Option<Any<'py>> {
    let address = slot(&class_of(function), ffi::Py_tp_descr_get)?;
    let instance = instance.map_or(std::ptr::null_mut(), |it| it.as_ptr());
    // SAFETY: the slot of this name has this signature; it makes a method and calls nothing.
    unsafe {
        let get = std::mem::transmute::<*mut std::ffi::c_void, super::native::DescriptorGet>(address);
        take(function.py(), get(function.as_ptr(), instance, class.as_ptr()))
    }
}

/// Getters of C code that only read a field. Others compute, and some tell audit hooks.
fn only_reads(owner: &Any<'_>, name: &str) -> bool {
    if !is_native(owner) {
        return false;
    }
    match (module_name(owner).as_str(), type_name(owner).as_str()) {
        ("builtins", "object") => name == "__class__",
        ("builtins", "type") => matches!(name, "__name__" | "__qualname__" | "__module__" | "__bases__"),
        ("builtins", "function" | "builtin_function_or_method") => matches!(name, "__name__" | "__qualname__"),
        ("builtins", "int" | "float" | "complex") => true,
        ("builtins", "BaseException") => matches!(name, "args" | "__cause__" | "__context__" | "__traceback__"),
        ("datetime", _) => true,
        ("numpy", "ndarray") => matches!(name, "shape" | "ndim" | "size" | "itemsize" | "nbytes" | "dtype"),
        _ => false,
    }
}

fn missing(facts: &Facts<'_>, value: &Any<'_>, name: &str) -> Failure {
    Failure::user(match facts.kind {
        Kind::Class => format!("type object '{}' has no attribute '{name}'", type_name(value)),
        _ => format!("'{}' object has no attribute '{name}'", facts.name),
    })
}

/// Where an index leads in a sequence of this size.
fn position(key: &Any<'_>, size: usize) -> Result<usize, Failure> {
    let is_index = is_exactly(key, &raw mut ffi::PyLong_Type) || is_exactly(key, &raw mut ffi::PyBool_Type);
    if !is_index {
        return Err(Failure::user("the index must be an integer"));
    }
    let out = || Failure::user("index out of range");
    let size = i64::try_from(size).map_err(|_| out())?;
    let index = small_int(key).ok_or_else(out)?;
    let index = if index < 0 { index + size } else { index };
    usize::try_from(index).ok().filter(|_| index < size).ok_or_else(out)
}

/// Sequences whose items are made by C code: bytes, bytearray, range.
fn is_plain_sequence(value: &Any<'_>) -> bool {
    [&raw mut ffi::PyBytes_Type, &raw mut ffi::PyByteArray_Type, &raw mut ffi::PyRange_Type]
        .into_iter()
        .any(|class| is_exactly(value, class))
}

/// The entry of a dict at a key that is made of builtin values alone.
fn entry<'py>(dict: &Any<'py>, key: &Any<'py>) -> Result<Any<'py>, Failure> {
    if dict_size(dict) > LARGEST_DICT {
        return Err(Failure::user("the dict is too large to be looked through"));
    }
    let found = entries(dict, 0).find(|(it, _)| equal(it, key, KEY_DEPTH));
    found.map(|it| it.1).ok_or_else(|| Failure::user("there is no such key"))
}

fn scalars() -> [*mut ffi::PyTypeObject; 6] {
    [
        &raw mut ffi::PyUnicode_Type,
        &raw mut ffi::PyBytes_Type,
        &raw mut ffi::PyLong_Type,
        &raw mut ffi::PyBool_Type,
        &raw mut ffi::PyFloat_Type,
        &raw mut ffi::PyComplex_Type,
    ]
}

/// Whether a value is made of builtin values alone.
fn is_plain(value: &Any<'_>, depth: usize) -> bool {
    let class = class_address(value);
    value.is_none()
        || scalars().contains(&class)
        || class == &raw mut ffi::PyTuple_Type
            && depth > 0
            && (0..tuple_size(value)).all(|index| tuple_item(value, index).is_some_and(|it| is_plain(&it, depth - 1)))
}

/// Whether two values are equal and builtin, by C code alone. (Text and bytes are not compared: that can be made to warn.)
fn equal(one: &Any<'_>, other: &Any<'_>, depth: usize) -> bool {
    let (class, other_class) = (class_address(one), class_address(other));
    if class == &raw mut ffi::PyTuple_Type && other_class == class {
        let size = tuple_size(one);
        return depth > 0
            && size == tuple_size(other)
            && (0..size).all(|index| match (tuple_item(one, index), tuple_item(other, index)) {
                (Some(one), Some(other)) => equal(&one, &other, depth - 1),
                _ => false,
            });
    }
    let numbers = &scalars()[2..];
    let comparable = class == other_class && scalars().contains(&class)
        || numbers.contains(&class) && numbers.contains(&other_class);
    if !comparable {
        return one.is_none() && other.is_none();
    }
    // SAFETY: live objects of builtin types, exactly, which C code compares.
    unsafe {
        let answer = ffi::PyObject_RichCompareBool(one.as_ptr(), other.as_ptr(), ffi::Py_EQ);
        if answer < 0 {
            ffi::PyErr_Clear();
        }
        answer == 1
    }
}
