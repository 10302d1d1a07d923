import { mount } from "svelte";
import Learn from "./Learn.svelte";
import "../look.css";
import "./type.css";

mount(Learn, { target: document.body });
