//! Reads objects through C code only: nothing here can run a line of Python, whatever the object's class defines.
//!
//! Never asked are `__class__`, `__len__`, `__getattr__`, `__hash__`, `__eq__` and their kin.

use std::ffi::{c_int, c_ulong, c_void};

use pyo3::ffi::{self, PyObject, PyTypeObject};
use pyo3::prelude::*;

use super::data::{find, text, tuple_items};

/// Any object, held.
pub(super) type Any<'py> = Bound<'py, PyAny>;

pub(super) type DescriptorGet = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
type Visit = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int;
type Traverse = unsafe extern "C" fn(*mut PyObject, Visit, *mut c_void) -> c_int;
pub(super) type Unary = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;

/// Keeps the garbage collector off: it would run finalizers of the user's on one of our allocations (3.11).
#[derive(Debug)]
pub(super) struct NoCollection {
    was_on: bool,
}

impl NoCollection {
    pub(super) fn new(_py: Python<'_>) -> Self {
        // SAFETY: the GIL is held.
        Self { was_on: unsafe { ffi::PyGC_Disable() } == 1 }
    }
}

impl Drop for NoCollection {
    fn drop(&mut self) {
        if self.was_on {
            // SAFETY: the value lives inside one call that holds the GIL.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}

/// Takes over a new reference; for null, the error that C code set is dropped.
///
/// # Safety
/// `object` is null or a reference that the caller owns.
pub(super) unsafe fn take(py: Python<'_>, object: *mut PyObject) -> Option<Any<'_>> {
    if object.is_null() {
        // SAFETY: the GIL is held.
        unsafe { ffi::PyErr_Clear() };
        return None;
    }
    // SAFETY: a reference that the caller owns.
    Some(unsafe { Bound::from_owned_ptr(py, object) })
}

/// Makes a reference to an object that something else keeps alive.
///
/// # Safety
/// `object` is null or alive.
pub(super) unsafe fn hold(py: Python<'_>, object: *mut PyObject) -> Option<Any<'_>> {
    // SAFETY: by the caller.
    unsafe { Bound::from_borrowed_ptr_or_opt(py, object) }
}

/// The address of the type that the interpreter itself goes by.
pub(super) fn class_address(value: &Any<'_>) -> *mut PyTypeObject {
    // SAFETY: a live object has a type.
    unsafe { ffi::Py_TYPE(value.as_ptr()) }
}

/// That type as an object.
pub(super) fn class_of<'py>(value: &Any<'py>) -> Any<'py> {
    // SAFETY: an object keeps its type alive.
    unsafe { Bound::from_borrowed_ptr(value.py(), class_address(value).cast()) }
}

/// Whether `value` is of exactly this type.
pub(super) fn is_exactly(value: &Any<'_>, class: *mut PyTypeObject) -> bool {
    class_address(value) == class
}

/// Whether `value` is of this type or one derived from it.
pub(super) fn is_a(value: &Any<'_>, class: *mut PyTypeObject) -> bool {
    // SAFETY: both are live types; the function walks the order of bases and calls nothing.
    unsafe { ffi::PyType_IsSubtype(class_address(value), class) != 0 }
}

/// The flags of a type.
pub(super) fn flags(class: &Any<'_>) -> c_ulong {
    // SAFETY: `class` is a type, by the callers' ways to get one.
    unsafe { ffi::PyType_GetFlags(class.as_ptr().cast()) }
}

/// Whether the type of `value` has this flag.
pub(super) fn has_flag(value: &Any<'_>, flag: c_ulong) -> bool {
    // SAFETY: a live object has a type.
    unsafe { ffi::PyType_GetFlags(class_address(value)) & flag != 0 }
}

/// Whether a type was written in C: Python code can neither make nor change such a type.
pub(super) fn is_native(class: &Any<'_>) -> bool {
    let flags = flags(class);
    flags & ffi::Py_TPFLAGS_HEAPTYPE == 0 || flags & ffi::Py_TPFLAGS_IMMUTABLETYPE != 0
}

/// Whether `value` is a type.
pub(super) fn is_class(value: &Any<'_>) -> bool {
    has_flag(value, ffi::Py_TPFLAGS_TYPE_SUBCLASS)
}

/// Whether `value` is a str or derived from it.
pub(super) fn is_text(value: &Any<'_>) -> bool {
    has_flag(value, ffi::Py_TPFLAGS_UNICODE_SUBCLASS)
}

/// Whether `value` is a dict or derived from it.
pub(super) fn is_dict(value: &Any<'_>) -> bool {
    has_flag(value, ffi::Py_TPFLAGS_DICT_SUBCLASS)
}

/// Whether `value` is exactly a str.
pub(super) fn is_plain_text(value: &Any<'_>) -> bool {
    is_exactly(value, &raw mut ffi::PyUnicode_Type)
}

/// What the garbage collector would find in `value`, at most `limit` objects. Only for types written in C.
pub(super) fn referents<'py>(value: &Any<'py>, limit: usize) -> Vec<Any<'py>> {
    struct Found {
        objects: Vec<*mut PyObject>,
        limit: usize,
    }
    unsafe extern "C" fn visit(object: *mut PyObject, found: *mut c_void) -> c_int {
        // SAFETY: the pointer that is given to the traversal below.
        let found = unsafe { &mut *found.cast::<Found>() };
        found.objects.push(object);
        c_int::from(found.objects.len() >= found.limit)
    }
    let mut found = Found { objects: Vec::new(), limit };
    // SAFETY: the slot of a live type; it holds a traversal or null.
    unsafe {
        let slot = ffi::PyType_GetSlot(class_address(value), ffi::Py_tp_traverse);
        if slot.is_null() {
            return Vec::new();
        }
        let traverse = std::mem::transmute::<*mut c_void, Traverse>(slot);
        traverse(value.as_ptr(), visit, (&raw mut found).cast());
    }
    // SAFETY: `value` holds them, and nothing ran since.
    found.objects.into_iter().filter_map(|object| unsafe { hold(value.py(), object) }).collect()
}

/// Calls the C getter of a slot or attribute that a type in C defines; `None` also if `descriptor` is something else.
pub(super) fn read_descriptor<'py>(descriptor: &Any<'py>, value: &Any<'py>) -> Option<Any<'py>> {
    let class = class_address(descriptor);
    if class != &raw mut ffi::PyMemberDescr_Type && class != &raw mut ffi::PyGetSetDescr_Type {
        return None;
    }
    // SAFETY: both types have the slot; the getter checks the type of `value` itself.
    unsafe {
        let get = ffi::PyType_GetSlot(class, ffi::Py_tp_descr_get);
        let get = std::mem::transmute::<*mut c_void, DescriptorGet>(get);
        take(value.py(), get(descriptor.as_ptr(), value.as_ptr(), class_address(value).cast()))
    }
}

/// Whether reading a member is reported to audit hooks, which may be the user's.
pub(super) fn is_audited(member: &Any<'_>) -> bool {
    /// Where a member descriptor has the address of its definition, in all versions: after the object's header, its type,
    /// name and qualified name.
    const DEFINITION: usize = 40;
    if !is_exactly(member, &raw mut ffi::PyMemberDescr_Type) {
        return false;
    }
    // SAFETY: a member descriptor, exactly; its definition lives as long as it.
    unsafe {
        let definition = member.as_ptr().cast::<u8>().add(DEFINITION).cast::<*const ffi::PyMemberDef>().read();
        definition.is_null() || (*definition).flags & ffi::Py_AUDIT_READ != 0
    }
}

/// The dict of a type itself.
pub(super) fn class_dict<'py>(class: &Any<'py>) -> Option<Any<'py>> {
    // Read as `type` reads it, past whatever a metaclass defines. The mapping it gives refers to the dict alone.
    referents(&type_attribute(class, TypeAttribute::Dict)?, 1).pop()
}

/// The order in which a type's attributes are looked up, itself first; empty while the type is being made.
pub(super) fn bases_in_order<'py>(class: &Any<'py>) -> Vec<Any<'py>> {
    type_attribute(class, TypeAttribute::Order).map(|order| tuple_items(&order).collect()).unwrap_or_default()
}

/// The module of a type written in C.
pub(super) fn native_module(class: &Any<'_>) -> String {
    type_attribute(class, TypeAttribute::Module).map(|it| text(&it, 200)).unwrap_or_default()
}

#[derive(Clone, Copy)]
enum TypeAttribute {
    Dict,
    Order,
    Module,
}

/// Reads an attribute of a type by the getter that `type` itself has for it.
fn type_attribute<'py>(class: &Any<'py>, attribute: TypeAttribute) -> Option<Any<'py>> {
    use std::sync::OnceLock;

    use crate::capi::Ref;

    static GETTERS: OnceLock<Option<[Ref; 3]>> = OnceLock::new();
    let py = class.py();
    let getters = GETTERS.get_or_init(|| {
        // SAFETY: `type` is a live object, and looking up its own `__dict__` is C code alone.
        let own = unsafe {
            let class = (&raw mut ffi::PyType_Type).cast::<PyObject>();
            take(py, ffi::PyObject_GetAttrString(class, c"__dict__".as_ptr()))?
        };
        let own = referents(&own, 1).pop()?;
        Some([find(&own, "__dict__")?.into(), find(&own, "__mro__")?.into(), find(&own, "__module__")?.into()])
    });
    read_descriptor(&getters.as_ref()?[attribute as usize].bind(py), class)
}

/// An attribute that `owner`, a type written in C, gives to its instances.
pub(super) fn native_attribute<'py>(value: &Any<'py>, owner: &Any<'py>, name: &str) -> Option<Any<'py>> {
    read_descriptor(&find(&class_dict(owner)?, name)?, value)
}

/// As [`native_attribute`], for the type of `value` itself.
pub(super) fn own_attribute<'py>(value: &Any<'py>, name: &str) -> Option<Any<'py>> {
    native_attribute(value, &class_of(value), name)
}

/// The dict of an instance or module, if it has one. It is made if it was still virtual, as `vars()` would.
pub(super) fn instance_dict<'py>(value: &Any<'py>) -> Option<Any<'py>> {
    let py = value.py();
    if is_class(value) {
        return None;
    }
    // SAFETY: both functions read the place where the object's layout has its dict.
    let dict = unsafe {
        if is_a(value, &raw mut ffi::PyModule_Type) {
            hold(py, ffi::PyModule_GetDict(value.as_ptr()))
        } else {
            take(py, ffi::PyObject_GenericGetDict(value.as_ptr(), std::ptr::null_mut()))
        }
    };
    dict.filter(is_dict)
}

/// What a type written in C gives for `repr`. Only for types whose function is known to be harmless.
pub(super) fn native_repr(value: &Any<'_>, owner: &Any<'_>, limit: usize) -> Option<String> {
    let slot = slot(owner, ffi::Py_tp_repr)?;
    // SAFETY: the slot of this name has this signature.
    let shown = unsafe { take(value.py(), std::mem::transmute::<*mut c_void, Unary>(slot)(value.as_ptr()))? };
    is_text(&shown).then(|| text(&shown, limit))
}

/// Calls a method that `owner`, a type written in C, defines; at most one argument.
pub(super) fn native_call<'py>(
    value: &Any<'py>,
    owner: &Any<'py>,
    name: &str,
    argument: Option<&Any<'py>>,
) -> Option<Any<'py>> {
    let method = find(&class_dict(owner)?, name)?;
    if !is_exactly(&method, &raw mut ffi::PyMethodDescr_Type) {
        return None;
    }
    let argument = argument.map_or(std::ptr::null_mut(), |it| it.as_ptr());
    // SAFETY: a method written in C, called with its instance; the list of arguments ends with null.
    unsafe {
        let end = std::ptr::null_mut::<PyObject>();
        take(value.py(), ffi::PyObject_CallFunctionObjArgs(method.as_ptr(), value.as_ptr(), argument, end))
    }
}

pub(super) fn slot(class: &Any<'_>, slot: c_int) -> Option<*mut c_void> {
    // SAFETY: `class` is a live type.
    let address = unsafe { ffi::PyType_GetSlot(class.as_ptr().cast(), slot) };
    (!address.is_null()).then_some(address)
}

/// A small integer; `None` if `value` is none or does not fit.
pub(super) fn small_int(value: &Any<'_>) -> Option<i64> {
    if !has_flag(value, ffi::Py_TPFLAGS_LONG_SUBCLASS) {
        return None;
    }
    let mut overflow = 0;
    // SAFETY: an int or derived from it, so nothing of its class is called.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(number)
}
