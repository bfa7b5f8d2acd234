"""What an attempt is: a function that raises Crossed when it got where it must not get, and else says what stopped it."""
import ctypes
import os
import traceback

LIBC = ctypes.CDLL(None, use_errno=True)
ATTEMPTS = {}


class Crossed(Exception):
    """The boundary did not hold."""


def attempt(boundary, last=False):
    """boundary: 'vm' holds whatever the container may do; 'container' holds without ALL. last: may end the guest."""
    def register(function):
        name = function.__name__.replace('_', '-')
        assert name not in ATTEMPTS, name
        ATTEMPTS[name] = {'run': function, 'boundary': boundary, 'last': last}
        return function
    return register


def syscall(number, *arguments):
    """The call's result; raises OSError as Python's own wrappers do."""
    result = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def refused(function, *arguments):
    """Says how it was refused; Crossed when it was not."""
    try:
        result = function(*arguments)
    except OSError as error:
        return f'{type(error).__name__}: {error.strerror or error}'
    raise Crossed(f'allowed, result {result!r}'[:200])


def perform(name, targets, pipe):
    """Tells the other end of the pipe how it went."""
    try:
        pipe.send({'crossed': False, 'how': str(ATTEMPTS[name]['run'](targets))[:400]})
    except Crossed as crossing:
        pipe.send({'crossed': True, 'how': str(crossing)})
    except OSError as error:
        pipe.send({'crossed': False, 'how': f'{type(error).__name__}: {error}'})
    except BaseException:
        pipe.send({'crossed': False, 'broken': True, 'how': traceback.format_exc()[-600:]})
