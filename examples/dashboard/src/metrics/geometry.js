// Puts services on a sphere and looks at it through a camera.

import { PerspectiveCamera, Spherical, Vector3 } from 'three';

const camera = new PerspectiveCamera(32, 1.5, 0.1, 100);
camera.position.set(0, 2, 4);
camera.lookAt(0, 0, 0);
camera.updateMatrixWorld();

const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

export function place(services) {
  return services.map((service, index) => {
    const polar = Math.acos(1 - (2 * (index + 0.5)) / services.length);
    const point = new Vector3().setFromSpherical(new Spherical(1, polar, index * GOLDEN_ANGLE));
    const seen = point.clone().project(camera);
    return { service, x: seen.x, y: seen.y, near: point.distanceTo(camera.position) < camera.position.length() };
  });
}
