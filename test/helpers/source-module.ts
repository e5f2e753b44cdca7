// What the layout test wants to know of one TypeScript file, read with the compiler's own parser.

import ts from 'typescript';

export interface SourceModule {
  /** module specifiers as written: imports, re-exports and dynamic imports, type-only ones included */
  readonly imports: readonly string[];
  readonly hasDefaultExport: boolean;
  /** holds nothing but `export … from` */
  readonly isBarrel: boolean;
  /** leaves code behind when its types are erased */
  readonly emitsCode: boolean;
  readonly lineCount: number;
}

const hasModifier = (node: ts.Statement, kind: ts.SyntaxKind): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind);

const exportsDefault = (node: ts.Statement): boolean => {
  if (ts.isExportAssignment(node) || hasModifier(node, ts.SyntaxKind.DefaultKeyword)) return true;
  if (!ts.isExportDeclaration(node) || node.exportClause === undefined) return false;
  return ts.isNamedExports(node.exportClause)
    ? node.exportClause.elements.some((element) => element.name.text === 'default')
    : node.exportClause.name.text === 'default';
};

const isReExport = (node: ts.Statement): boolean =>
  ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined;

/** Whether a statement is gone when the types are (`verbatimModuleSyntax`). */
const isErased = (node: ts.Statement): boolean => {
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true;
  if (ts.isImportDeclaration(node)) return node.importClause?.isTypeOnly === true;
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  return hasModifier(node, ts.SyntaxKind.DeclareKeyword);
};

/** Reads one TypeScript file. */
export const parseSourceModule = (text: string): SourceModule => {
  const { statements } = ts.createSourceFile('module.ts', text, ts.ScriptTarget.ES2023);
  return {
    imports: ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName),
    hasDefaultExport: statements.some(exportsDefault),
    isBarrel: statements.length > 0 && statements.every(isReExport),
    emitsCode: !statements.every(isErased),
    lineCount: text.trimEnd().split('\n').length,
  };
};
