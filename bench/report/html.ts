export { escape, Html, html, jsonFor, raw } from '../../runtime/pages/html.ts';
