import { createBrowserRouter, Navigate, type RouteObject } from 'react-router';
import { pages } from './pages';
import { NotFound } from './pages/NotFound';
import { Shell } from './layout/Shell';
import { RouteFailure } from './layout/RouteFailure';

const routes: RouteObject[] = [
  {
    element: <Shell />,
    errorElement: <RouteFailure />,
    children: [
      { index: true, element: <Navigate to="/entries" replace /> },
      ...pages.map(({ path, element }) => ({ path, element, errorElement: <RouteFailure /> })),
      { path: '*', element: <NotFound /> },
    ],
  },
];

export const router = createBrowserRouter(routes, { basename: '/console' });
