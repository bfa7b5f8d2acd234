import { render } from 'preact';
import { App } from './app.js';
import { applyTheme, storedTheme } from './state/theme.js';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';

applyTheme(storedTheme());
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
