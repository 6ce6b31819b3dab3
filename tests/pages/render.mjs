/** Renders function components without a browser. Hooks keep their state by their order, as in React. */

export class Root {
  #keyed = new Map(); // the slots of the hooks, by the key of the element that they are in
  #slots = { at: 0, list: [] };
  #effects = [];
  React = {
    Fragment: "fragment",
    createElement: (type, props, ...children) => ({ type, props: { ...props, children: children.flat(Infinity) } }),
    useState: (initial) => {
      const slot = this.#slot(() => ({ value: typeof initial === "function" ? initial() : initial }));
      return [slot.value, (value) => (slot.value = value)];
    },
    useRef: (current) => this.#slot(() => ({ current })),
    useMemo: (make) => make(),
    useEffect: (effect) => this.#slot(() => this.#effects.push(effect)),
  };

  /** The elements of a component. `cleanups` are what its effects returned. */
  render(component, props) {
    this.#slots.at = 0;
    const tree = this.#expand(this.React.createElement(component, props));
    this.cleanups = this.#effects.splice(0).map((effect) => effect());
    return tree;
  }

  #slot(make) {
    const slot = (this.#slots.list[this.#slots.at] ??= make());
    this.#slots.at += 1;
    return slot;
  }

  #expand(node) {
    if (typeof node?.type === "function") return this.#expand(this.#call(node));
    if (!node?.props) return node;
    return { ...node, props: { ...node.props, children: node.props.children.map((each) => this.#expand(each)) } };
  }

  #call({ type, props: { key, ...props } }) {
    if (key === undefined) return type(props);
    const around = this.#slots;
    if (!this.#keyed.has(key)) this.#keyed.set(key, { list: [] });
    this.#slots = this.#keyed.get(key);
    this.#slots.at = 0;
    const called = type(props);
    this.#slots = around;
    return called;
  }
}

/** The elements of a type, and the text of a tree. */
export const all = (node, type) =>
  node?.props
    ? [...(node.type === type ? [node.props] : []), ...node.props.children.flatMap((each) => all(each, type))]
    : [];
export const text = (node) =>
  node?.props ? node.props.children.map(text).join("") : typeof node === "string" ? node : "";
