export default class A extends B { #x = 1; static { this.#x; } get #y() {} m() { return #x in this } }
